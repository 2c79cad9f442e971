/** `ntmobile forward`: TCP and UDP of programs in any language, between ports of the host and NTMobile names. */
import { Command } from 'commander';
import { readConfig } from '../core/config';
import { configuredNode } from '../core/configured-node';
import { Log } from '../core/log';
import type { Node } from '../core/node';
import { nodeRuntime } from '../core/runtime-node';
import { configuredNamespace } from '../core/start';
import { formatEndpoint, type Endpoint } from '../core/wire/addresses';
import { Forwarder } from './forwarding/forwarder';
import { describeRule, parseInRule, parseOutRule, type InRule, type OutRule, type Rule } from './forwarding/rules';
import { openLog } from './log';
import { print, UsageError } from './output';
import { stopSignal } from './stop-signal';

interface ForwardOptions {
  readonly in?: readonly InRule[];
  readonly out?: readonly OutRule[];
  readonly json?: boolean;
}

export function forwardCommand(): Command {
  return new Command('forward')
    .description('join the network as a node and carry TCP and UDP between it and this host, until SIGTERM or SIGINT')
    .option(
      '--in <port:host:port[/udp]>',
      'a virtual port of this node leads to a server here; may be repeated',
      collectIn,
    )
    .option(
      '--out <[address:]port:name:port[/udp]>',
      'a port here leads to a virtual port of that name; may be repeated',
      collectOut,
    )
    .option('--json', 'print one line of JSON once it carries, and one of counts at the end')
    .action(forward)
    .addHelpText(
      'after',
      `
Who joins is said by NTMOBILE_AS, NTMOBILE_ACCOUNT, NTMOBILE_PASSWORD_FILE and so on, as for "ntmobile/register".

  ntmobile forward --in 6379:127.0.0.1:6379                            redis of this host, at this node's name
  ntmobile forward --out 127.0.0.1:15432:db.alice.example:5432         psql -h 127.0.0.1 -p 15432 here
  ntmobile forward --in 53:127.0.0.1:53 --in 53:127.0.0.1:53/udp       a DNS server's TCP and UDP

An IPv6 address stands in brackets. Without an address --out listens on 127.0.0.1; port 0 there takes a free one.
Ends and resets are passed on. Connections that are open at the end are reset. Each sender of datagrams reaches the
other side from a port of its own, which it keeps until nothing has gone either way for five minutes.
Failures are logged to standard error, once each until something else happens, and counted.`,
    );
}

async function forward(options: ForwardOptions): Promise<void> {
  const rules: Rule[] = [...(options.in ?? []), ...(options.out ?? [])];
  if (rules.length === 0) throw new UsageError('nothing to forward: give --in or --out');
  const log = openLog(process.env);
  const stopped = stopSignal();
  const keptAlive = setInterval(() => {}, 2 ** 31 - 1); // the node's own sockets and timers do not keep a process
  let joined = false;
  const config = readConfig(process.env);
  const nodeLog = new Log(config.log, (line, level) => log[level](line));
  const node = configuredNode(config, configuredNamespace(config), nodeLog, ({ message }) => {
    if (joined) log.warn({ error: message }, 'not joined any more'); // the first time, it is how this command ends
  });
  try {
    joined = await Promise.race([node.whenJoined().then(() => true), stopped.then(() => false)]);
    if (joined) await carry(node, rules, options.json ?? false, stopped, log);
  } finally {
    node.close();
    clearInterval(keptAlive);
  }
}

async function carry(
  node: Node,
  rules: readonly Rule[],
  json: boolean,
  stopped: Promise<string>,
  log: ReturnType<typeof openLog>,
): Promise<void> {
  for (const { way, to } of rules) {
    if (way === 'out' && !node.isVirtualAddress(to.address) && node.classifyName(to.address) !== 'virtual') {
      throw new UsageError(`--out: ${to.address} is not a name of this network; this node is ${node.fqdn}`);
    }
  }
  const forwarder = new Forwarder({
    network: node,
    clock: nodeRuntime.clock,
    timers: nodeRuntime.timers,
    rules,
    onFailure: (rule, { side, error }) =>
      log.warn({ rule: describeRule(rule), side, code: error.code, error: error.message }, 'connection failed'),
  });
  await forwarder.start();
  try {
    print(json ? JSON.stringify({ fqdn: node.fqdn, addresses: node.addresses, rules: listening(forwarder) }) : ready());
    log.info({ signal: await stopped }, 'stopping');
  } finally {
    forwarder.close();
  }
  print(json ? JSON.stringify({ counts: counted(forwarder) }) : summary());

  function ready(): string {
    const lines = forwarder.counts().map(({ rule, listening }) => {
      const at = formatEndpoint({
        address: rule.way === 'in' ? node.fqdn! : listening!.address,
        port: listening!.port,
      });
      return `  ${rule.way.padEnd(3)}  ${at} leads to ${formatEndpoint(rule.to)} by ${rule.protocol.toUpperCase()}`;
    });
    return [`Forwarding as ${node.fqdn}:`, ...lines, 'Ctrl-C ends it.'].join('\n');
  }

  function summary(): string {
    return forwarder
      .counts()
      .map(({ rule, counts: { accepted, failed, bytesIn, bytesOut } }) => {
        const failures = Object.entries(failed).map(([code, times]) => `, ${times} ${code}`);
        const what = rule.protocol === 'udp' ? 'senders' : 'connections';
        return `${describeRule(rule)}: ${accepted} ${what}${failures.join('')}; ${bytesIn} bytes in, ${bytesOut} out`;
      })
      .join('\n');
  }
}

function listening(forwarder: Forwarder): object[] {
  return forwarder.counts().map(({ rule, listening }) => described(rule, listening!));
}

function counted(forwarder: Forwarder): object[] {
  return forwarder.counts().map(({ rule, listening, counts }) => ({ ...described(rule, listening!), ...counts }));
}

function described({ way, protocol, to }: Rule, at: Endpoint): object {
  return { way, protocol, listening: endpoint(at), to };
}

/** Without the family that Node adds. */
function endpoint({ address, port }: Endpoint): Endpoint {
  return { address, port };
}

function collectIn(text: string, before: readonly InRule[] = []): InRule[] {
  return [...before, parseInRule(text)];
}

function collectOut(text: string, before: readonly OutRule[] = []): OutRule[] {
  return [...before, parseOutRule(text)];
}
