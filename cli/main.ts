#!/usr/bin/env node
/**
 * The `ntmobile` command. Exit codes: 0 done, 1 it failed, 2 it was called wrongly.
 * Each subcommand is one file with its flags, its help and what it does.
 */
import { Command, CommanderError } from 'commander';
import { accountCommand } from './account/accounts';
import { forwardCommand } from './forward';
import { netcheckCommand } from './netcheck/netcheck';
import { ExitCode, fail } from './output';
import { receiveCommand } from './receive';
import { sendCommand } from './send';
import { keyCommand, serveCommand } from './serve';
import { upCommand } from './up';

const program = new Command('ntmobile')
  .description('Names that follow Node programs anywhere: the servers of an NTMobile network and tools for it.')
  .addCommand(upCommand())
  .addCommand(serveCommand())
  .addCommand(keyCommand())
  .addCommand(accountCommand())
  .addCommand(forwardCommand())
  .addCommand(sendCommand())
  .addCommand(receiveCommand())
  .addCommand(netcheckCommand())
  .addHelpText(
    'after',
    '\nExit codes: 0 done, 1 failed, 2 called wrongly, 3 there was nothing (receive), or nobody answered (netcheck).\n',
  );

/** Commander would exit by itself; output to a pipe may then be lost. Settings are not inherited by added commands. */
function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  command.commands.forEach(throwInsteadOfExit);
}

async function main(): Promise<void> {
  throwInsteadOfExit(program);
  try {
    await program.parseAsync();
  } catch (error) {
    if (!(error instanceof CommanderError)) return fail(error);
    process.exitCode = error.exitCode === 0 ? ExitCode.done : ExitCode.usage;
  }
}

void main();
