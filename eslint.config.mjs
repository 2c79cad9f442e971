import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const HOST_FILES = [
  ...['core/runtime-node.ts', 'core/gateway-node.ts', 'core/trace-file.ts'],
  ...['shim/**', 'servers/host*.ts', 'cli/**', 'test/**'],
];

const WHY_TIME = 'Time is an argument: take a Clock or Timers (core/runtime.ts), so that tests run on a virtual clock.';
const WHY_RANDOM = 'Randomness is an argument: take a Random (core/runtime.ts), so that a failing run can be repeated.';
const WHY_SOCKETS =
  'Sockets are arguments: take a Runtime (core/runtime.ts), so that tests run on a simulated network.';

const timerModules = ['timers', 'timers/promises'].flatMap((name) => [name, `node:${name}`]);
const pureOfNet = ['isIP', 'isIPv4', 'isIPv6', 'BlockList', 'SocketAddress'];
const socketModules = ['dgram'].flatMap((name) => [name, `node:${name}`]);
const randomFunctions = ['randomBytes', 'randomInt', 'randomUUID', 'randomFill', 'randomFillSync', 'getRandomValues'];

/** State machines and codecs: no clock, timer, randomness or socket but those they are given. */
const pureCode = {
  'no-restricted-globals': [
    'error',
    ...['setTimeout', 'setInterval', 'performance'].map((name) => ({ name, message: WHY_TIME })),
    { name: 'crypto', message: WHY_RANDOM },
  ],
  'no-restricted-properties': [
    'error',
    { object: 'Date', property: 'now', message: WHY_TIME },
    { object: 'process', property: 'hrtime', message: WHY_TIME },
    { object: 'globalThis', property: 'setTimeout', message: WHY_TIME },
    { object: 'globalThis', property: 'setInterval', message: WHY_TIME },
    { object: 'Math', property: 'random', message: WHY_RANDOM },
    ...randomFunctions.map((property) => ({ object: 'crypto', property, message: WHY_RANDOM })),
  ],
  'no-restricted-syntax': [
    'error',
    { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: WHY_TIME },
  ],
  '@typescript-eslint/no-restricted-imports': [
    'error',
    {
      paths: [
        ...timerModules.map((name) => ({ name, message: WHY_TIME })),
        { name: 'node:perf_hooks', message: WHY_TIME },
        ...socketModules.map((name) => ({ name, message: WHY_SOCKETS, allowTypeImports: true })),
        ...['net', 'node:net'].map((name) => ({
          name,
          allowImportNames: pureOfNet,
          message: WHY_SOCKETS,
          allowTypeImports: true,
        })),
        ...['crypto', 'node:crypto'].map((name) => ({ name, importNames: randomFunctions, message: WHY_RANDOM })),
      ],
    },
  ],
};

const nodeGlobals = Object.fromEntries(
  [
    'process',
    'Buffer',
    'console',
    'fetch',
    'performance',
    'URL',
    'AbortController',
    'AbortSignal',
    'setTimeout',
    'clearTimeout',
    'setInterval',
    'setImmediate',
    'clearInterval',
  ].map((name) => [name, 'readonly']),
);

export default tseslint.config(
  { ignores: ['dist/', 'build/', 'coverage/', 'node_modules/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  { rules: { 'max-lines': ['error', { max: 400 }], eqeqeq: 'error', 'no-var': 'error', 'prefer-const': 'error' } },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strict, ...tseslint.configs.stylistic],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-non-null-assertion': 'off', // index invariants are stated in comments
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
      '@typescript-eslint/no-dynamic-delete': 'off',
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/prefer-function-type': 'off', // an interface carries the comment and the name
      // With type information, the ones that catch real mistakes:
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unnecessary-type-assertion': 'error',
    },
  },
  { files: ['core/**/*.ts', 'servers/**/*.ts'], ignores: HOST_FILES, rules: pureCode },
  { files: ['**/*.mjs'], languageOptions: { sourceType: 'module', globals: nodeGlobals } },
  {
    files: ['**/*.cjs', '**/*.js'],
    languageOptions: {
      sourceType: 'commonjs',
      globals: { ...nodeGlobals, require: 'readonly', module: 'writable', __dirname: 'readonly', exports: 'writable' },
    },
  },
  {
    // The preload loads late what a program may never need; tests meet CommonJS types by `import x = require()`.
    files: ['shim/**/*.ts', 'test/**/*.ts'],
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
  {
    // What a child process reports is JSON; the assertion on it is its type check.
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/no-explicit-any': 'off' },
  },
);
