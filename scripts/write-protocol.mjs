// Writes PROTOCOL.md and the golden vectors from the compiled tables. Run by `npm run protocol`, after the build.
import { writeFileSync } from 'node:fs';
import { describeProtocol } from '../dist/core/wire/describe.js';
import { goldenFile } from '../dist/core/wire/golden.js';
import { sampleBodies } from '../dist/test/support/sample-messages.js';

writeFileSync(new URL('../PROTOCOL.md', import.meta.url), describeProtocol(sampleBodies));
writeFileSync(new URL('../test/vectors/messages.json', import.meta.url), goldenFile(sampleBodies));
