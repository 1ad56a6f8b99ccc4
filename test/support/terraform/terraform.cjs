#!/usr/bin/env node
/**
 * A stand-in for terraform: notes what it is called with and what its folder says, fails or hangs when told to, and
 * answers what cdktf's CLI asks of it. The real one needs a network for its providers.
 */
const { appendFileSync, existsSync, readFileSync } = require('node:fs');

const stack = process.cwd().split('/').at(-1);
const args = process.argv.slice(2);
const line = `${stack}: ${args.join(' ')}`;
const json = (path) => (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {});
const overridden = json('rehearse_override.tf.json').terraform?.backend;
const note = {
  line,
  backend: overridden ?? json('cdk.tf.json').terraform?.backend,
  ephemeral: existsSync('cdk.tf.json') && !/"prevent_destroy": true/.test(readFileSync('cdk.tf.json', 'utf8')),
  endpoint: process.env.AWS_ENDPOINT_URL,
  attempts: process.env.AWS_MAX_ATTEMPTS,
};
const log = (entry) => appendFileSync(process.env.STAND_IN_LOG, `${JSON.stringify(entry)}\n`);
const [failing, code] = (process.env.STAND_IN_FAILS ?? '').split('=');
const { STAND_IN_HANGS: hanging } = process.env;
const hangs = hanging && line.includes(hanging);
// Before it is noted: who reads the note may interrupt at once.
if (hangs)
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, () => {
      log({ line: `${stack}: interrupted` });
      process.exit(1);
    });
if (existsSync('cdk.tf.json')) log(note);

if (failing && line.includes(failing)) {
  console.log('Error: as told');
  process.exitCode = Number(code);
} else if (hangs) {
  console.log('still at it');
  setInterval(() => {}, 1000);
} else if (args[0] === 'version') {
  console.log(JSON.stringify({ terraform_version: '1.11.4', platform: 'linux_amd64', provider_selections: {} }));
} else if (args[0] === 'output') console.log('{}');
