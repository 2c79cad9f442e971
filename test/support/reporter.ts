/**
 * Mocha's spec reporter, closed by one line for machines: `N passed, N failed` or `N passed, N failed, N skipped`.
 * Under scripts/test.mjs, which prints that line last of all, the counts go to the file NTMOBILE_TEST_COUNTS instead,
 * with the titles of the tests that failed and why. What a test has left open keeps the process; that fails the run,
 * soon and with its name, where it would otherwise only never end.
 */
import { writeFileSync } from 'node:fs';
import Mocha = require('mocha');
import { countsLine } from './counts';

const LEFT_OPEN_MS = 30_000;

class CountingReporter extends Mocha.reporters.Spec {
  override epilogue(): void {
    super.epilogue();
    // A failing hook is a failure of mocha's own count, too.
    const counts = { passed: this.stats.passes, failed: this.stats.failures, skipped: this.stats.pending };
    const file = process.env['NTMOBILE_TEST_COUNTS'];
    const failed = this.failures.map((test) => `${test.fullTitle()}: ${test.err?.message ?? 'no error'}`);
    if (file) writeFileSync(file, JSON.stringify({ counts, failed }));
    else process.stdout.write(`${countsLine(counts)}\n`);
    setTimeout(endWhatIsLeft, LEFT_OPEN_MS).unref();
  }
}

function endWhatIsLeft(): void {
  const left = process.getActiveResourcesInfo().join(', ');
  process.stderr.write(`\n${LEFT_OPEN_MS / 1000} s after the last test these are still open: ${left}\n`);
  process.on('exit', () => (process.exitCode = 1)); // mocha's listener, which came before this one, knows of no failure
  process.exit();
}

export = CountingReporter;
