// Writes PROTOCOL.md from the compiled message table. Run by `npm run protocol`, after the build.
import { writeFileSync } from 'node:fs';
import { describeProtocol } from '../dist/core/wire/describe.js';

writeFileSync(new URL('../PROTOCOL.md', import.meta.url), describeProtocol());
