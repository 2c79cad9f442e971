/** Root hooks: whatever a failed test left running ends here, so that a failure never becomes a hang. */
import { killRunning } from './processes';

/** Mocha hands on what nobody has caught; without a listener it would be lost, where it ends a program. */
process.on('unhandledRejection', (reason) => {
  throw reason;
});

export const mochaHooks = {
  async afterAll(): Promise<void> {
    const left = await killRunning();
    if (left.length > 0) throw new Error(`programs were left running: ${left.join('; ')}`);
  },
};
