// Says what the system tells of the network's changes, until it is killed: `watching`, `look`, `lost INTERFACE`.
'use strict';
const { nodeRuntime } = require('../../../dist/core/runtime-node.js');

const watch = nodeRuntime.watchNetwork(
  (change) => console.log(change.kind === 'lost' ? `lost ${change.interfaceName}` : 'look'),
  (isWatching) => console.log(isWatching ? 'watching' : 'not watching'),
);
if (process.argv[2] === 'and end') setTimeout(() => console.log('over'), 200);
else process.stdin.on('data', () => watch.close()).on('end', () => {});
