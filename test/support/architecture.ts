/**
 * Which part may know which, as dependency-cruiser rules. Each forbidden edge has its why and an example that breaks
 * it; test/architecture.test.ts holds the sources to the rules, and the rules to their examples.
 *
 *   wire <- packet, negotiation, handover, cache, reach <- node <- shim, cli     wire, runtime <- servers <- cli
 */
import type { ICruiseOptions, ICruiseResult, IRegularForbiddenRuleType } from 'dependency-cruiser' with {
  'resolution-mode': 'import',
};
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export interface ArchitectureRule {
  readonly name: string;
  readonly why: string;
  readonly from: IRegularForbiddenRuleType['from'];
  readonly to: IRegularForbiddenRuleType['to'];
  /** An import that this rule, and none other, must catch: [importing file, imported file or module]. */
  readonly example: readonly [string, string];
  /** The example imports a type only. */
  readonly typeOnly?: boolean;
}

/** Leaves that any part may use: types, codes, ports and the join URL. */
const COMMON = '^core/(errors|back-off|trace|runtime|join-url)\\.ts$';
/** Files of the core that touch the disk: settings, node keys, the trace file, the stack's wasm module. */
const TOUCHES_DISK =
  '^core/(runtime-node|gateway-node|network-events-node|config|state-dir|taken-items|hosts-file|trace-file|capture-file)\\.ts$|^core/packet/stack/[^/]*(memory|module)\\.ts$';

export const architectureRules: readonly ArchitectureRule[] = [
  {
    name: 'wire-knows-nobody',
    why: 'nodes and servers share the wire formats; whatever wire imports, both would have to carry',
    from: { path: '^core/wire/' },
    to: { path: '^(core|shim|servers|cli)/', pathNot: ['^core/wire/', COMMON] },
    example: ['core/wire/codec.ts', 'core/packet/tunnel.ts'],
  },
  {
    name: 'modules-are-strangers',
    why: 'negotiation, handover, packet and cache exchange events routed in node.ts, so that each is understood and tested alone',
    from: { path: '^core/(negotiation|handover|packet|cache|reach/port-mapping)/' },
    to: { path: '^core/(negotiation|handover|packet|cache|reach/port-mapping)/', pathNot: '^core/$1/' },
    example: ['core/negotiation/direction.ts', 'core/packet/tunnel.ts'],
  },
  {
    name: 'modules-do-not-know-the-node',
    why: 'node.ts composes the modules; a module that knew its composer could not be tested without it',
    from: { path: '^core/(negotiation|handover|packet|cache|reach/port-mapping)/' },
    to: { path: '^core/[^/]+\\.ts$', pathNot: COMMON },
    example: ['core/handover/watch.ts', 'core/node.ts'],
  },
  {
    name: 'core-is-below-its-users',
    why: 'the core is a library: programs, servers and commands use it, it uses none of them',
    from: { path: '^core/', pathNot: '^core/wire/' },
    to: { path: '^(servers|cli)/' },
    example: ['core/node.ts', 'servers/host.ts'],
  },
  {
    name: 'servers-share-only-wire-and-runtime',
    why: 'a server is no node: it runs without the virtual stack, its wasm and the node modules',
    from: { path: '^servers/' },
    to: { path: '^core/', pathNot: ['^core/wire/', COMMON, '^core/runtime-node\\.ts$'] },
    example: ['servers/relay.ts', 'core/packet/stack/stack.ts'],
  },
  {
    name: 'servers-do-not-know-commands',
    why: 'the commands start servers; a server can be embedded without a command line',
    from: { path: '^servers/' },
    to: { path: '^cli/' },
    example: ['servers/host.ts', 'cli/main.ts'],
  },
  {
    name: 'nobody-imports-the-shim',
    why: 'loading the shim changes Node for the whole process; only `-r ntmobile/register` may do that',
    from: { pathNot: '^(shim|core/wire)/' },
    to: { path: '^shim/' },
    example: ['cli/run.ts', 'shim/register.ts'],
  },
  {
    name: 'shim-does-not-know-servers',
    why: 'the preload is loaded into every program: it must stay small, and is no place for servers or commands',
    from: { path: '^shim/' },
    to: { path: '^(servers|cli)/' },
    example: ['shim/policy.ts', 'servers/relay.ts'],
  },
  {
    // `net` is left to ESLint, which can tell its pure functions (isIP) from its sockets.
    name: 'sockets-only-in-runtime-node',
    why: 'everything below the runtime runs on a simulated network in tests, and could run where there is no Node',
    from: { path: '^core/', pathNot: '^core/(runtime|gateway|network-events)-node\\.ts$' },
    to: {
      path: '^(node:)?(dgram|tls|https?|http2|dns|dns/promises|child_process)$',
      dependencyTypesNot: ['type-only'],
    },
    example: ['core/packet/path.ts', 'node:dgram'],
  },
  {
    name: 'disk-only-in-named-files',
    why: 'what a node keeps on disk is decided in one place, and the state machines stay pure',
    from: { path: '^core/', pathNot: TOUCHES_DISK },
    to: { path: '^(node:)?fs(/promises)?$' },
    example: ['core/negotiation/registration.ts', 'node:fs'],
  },
  {
    name: 'no-cycles-when-loaded',
    why: 'files that load each other work or fail by the order in which they happen to be loaded',
    from: {},
    to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    example: ['servers/circle-a.ts', 'servers/circle-b.ts'],
  },
  {
    name: 'no-cycles-between-directories',
    why: 'neighbours may know each other by type; rooms that need each other can only be understood together',
    from: { path: '^(.+)/[^/]+$' },
    to: { circular: true, via: { pathNot: '^$1/[^/]+$' } },
    example: ['servers/ring/a.ts', 'servers/account/b.ts'],
    typeOnly: true,
  },
];

export interface Violation {
  readonly rule: string;
  readonly from: string;
  readonly to: string;
}

/** Applies the rules to the sources under `baseDir`. */
export async function violations(baseDir: string, rules = architectureRules): Promise<Violation[]> {
  const parts = ['core', 'shim', 'servers', 'cli'].filter((part) => existsSync(join(baseDir, part)));
  const { cruise } = await import('dependency-cruiser');
  const options: ICruiseOptions = {
    baseDir,
    validate: true,
    tsPreCompilationDeps: true, // a type that is imported is known, too
    doNotFollow: { path: 'node_modules' },
    ruleSet: {
      forbidden: rules.map(({ name, why, from, to }) => ({ name, comment: why, severity: 'error', from, to })),
    },
  };
  const { output } = await cruise(parts, options);
  const { summary, modules } = output as ICruiseResult;
  if (modules.length === 0) throw new Error(`no sources found under ${baseDir}`);
  return summary.violations.map(({ rule, from, to }) => ({ rule: rule.name, from, to }));
}
