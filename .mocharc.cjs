/** All tests, unless some files are named: mocha would add those to `spec`. */
const named = process.argv.slice(2).some((argument) => argument.endsWith('.test.js'));

module.exports = {
  spec: named ? [] : ['dist/test/**/*.test.js'],
  require: ['./dist/test/support/hooks.js'],
  reporter: './dist/test/support/reporter.js',
  // Generous: a limit here only catches what hangs. Nothing asserts on time.
  timeout: 20_000,
  forbidOnly: Boolean(process.env.CI),
  // A handle that keeps mocha alive is a leak, and must show as a hang, not be hidden by --exit.
  exit: false,
};
