/** `ntmobile netcheck`: what this host's network lets through, as a node of it finds out. */
import { Command, InvalidArgumentError } from 'commander';
import { asNode } from '../joined-node';
import { ExitCode, print } from '../output';
import { findingsOf, type Seen } from './findings';
import { lookFromHere, type NamedRelay } from './look-from-here';
import { checkPortMapping } from './port-mapping';
import { inWords } from './words';

/** Of the node that this command is: no program of the account has it. */
const NODE = 'netcheck';

export function netcheckCommand(): Command {
  return new Command('netcheck')
    .description('say what this network lets through: IP versions, NAT, firewall, relay servers and how far they are')
    .option(
      '--relay <host:port>',
      'look from this relay server, without an account; may be given several times',
      (text: string, before: NamedRelay[]) => [...before, parseRelay(text)],
      [],
    )
    .option('--json', 'print one line of JSON')
    .action(netcheck)
    .addHelpText(
      'after',
      `
Without --relay it joins as node "${NODE}" of the account that NTMOBILE_AS, NTMOBILE_ACCOUNT and so on name, and looks
from the relay servers of that network. It takes one to two seconds and a few datagrams.
Exit code 0: a relay server answered, or the network has none; 3: none answered; 1: it could not look, e.g. not join.`,
    );
}

async function netcheck({ relay, json }: { relay: readonly NamedRelay[]; json?: boolean }): Promise<void> {
  const mapping = process.env['NTMOBILE_PORT_MAPPING'] === 'off' ? undefined : checkPortMapping();
  const seen = relay.length > 0 ? await lookFromHere(relay) : await lookAsNode();
  const findings = findingsOf({ ...seen, portMapping: await mapping });
  print(json ? JSON.stringify(findings) : inWords(findings));
  if (findings.udp === false) process.exitCode = ExitCode.nothing;
}

function lookAsNode(): Promise<Omit<Seen, 'portMapping'>> {
  return asNode(
    async ({ discovery }) => {
      const { look, observations } = await discovery.found();
      return { look, observations, host: discovery.hostEndpoints() };
    },
    { node: NODE },
  );
}

function parseRelay(text: string): NamedRelay {
  const match = /^(?:\[([\da-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/i.exec(text);
  const port = Number(match?.[3]);
  if (!match || port < 1 || port > 65_535)
    throw new InvalidArgumentError('It looks like rs.example:4501 or [::1]:4501.');
  return { host: match[1] ?? match[2]!, port };
}
