// What server and client agree on; a .proto file would say the same. Messages are JSON here.
const serialize = (message) => Buffer.from(JSON.stringify(message));
const deserialize = (bytes) => JSON.parse(bytes.toString());

const method = (name, requestStream, responseStream) => ({
  ...{ path: `/ntmobile.example.Counter/${name}`, requestStream, responseStream },
  ...{ requestSerialize: serialize, requestDeserialize: deserialize },
  ...{ responseSerialize: serialize, responseDeserialize: deserialize },
});

exports.Counter = {
  echo: method('Echo', false, false),
  count: method('Count', false, true),
  sum: method('Sum', true, false),
  talk: method('Talk', true, true),
  forever: method('Forever', false, false),
};
