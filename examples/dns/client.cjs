// dns2 against server.cjs: client.cjs HOST UDP-PORT TCP-PORT. Questions side by side; TCP where an answer was cut.
const { TCPClient, UDPClient } = require('dns2');

const [dns, udpPort, tcpPort] = process.argv.slice(2);

async function main() {
  const byUdp = UDPClient({ dns, port: Number(udpPort) });
  const byTcp = TCPClient({ dns, port: Number(tcpPort) });
  const names = Array.from({ length: 50 }, (_, i) => `${'x'.repeat(i + 1)}.example`);
  const answers = await Promise.all(names.map((name) => byUdp(name)));
  const cut = await byUdp('long.example', 'TXT');
  const whole = await byTcp('long.example', 'TXT');
  const unknown = await byTcp('nothing.invalid');
  console.log(
    JSON.stringify({
      right: answers.filter(({ answers: [{ address }] }, i) => address === `192.0.2.${names[i].length}`).length,
      cut: cut.header.tc === 1,
      texts: whole.answers.length,
      unknown: unknown.header.rcode,
    }),
  );
}

main();
