// Preloaded beside another program, which knows nothing of it: says what `on` of the library tells, a line each.
const { on } = require('ntmobile');

on('handover', ({ reason, fromAddresses, toAddresses }) =>
  console.log(`handover by ${reason}: ${fromAddresses} -> ${toAddresses}`),
);
on('route', ({ peer, from, to }) => console.log(`route to ${peer}: ${from} -> ${to}`));
