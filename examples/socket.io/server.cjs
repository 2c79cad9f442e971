// An ordinary Socket.IO server: server.cjs PORT
const { createServer } = require('node:http');
const { Server } = require('socket.io');

const server = createServer();
const io = new Server(server, { maxHttpBufferSize: 2 ** 24 });

io.on('connection', (socket) => {
  socket.emit('welcome', socket.conn.transport.name);
  socket.on('echo', (value, answer) => answer(value));
  socket.on('join', (room, answer) => {
    socket.join(room);
    answer();
  });
  socket.on('tell', (room, text) => io.to(room).emit('told', text));
  socket.on('drop me', () => socket.conn.close());
});
server.listen(Number(process.argv[2]), () => console.log(`listening on ${server.address().port}`));
process.on('SIGTERM', () => io.close());
