/** `npm start`: the whole deployment on this machine, in this terminal. */
import { Command, InvalidArgumentError } from 'commander';
import { projectFolder } from '../stacks/images/run.ts';
import { runInTerminal, type TerminalOptions } from './terminal.ts';
import { programs } from './tiers.ts';

const command = new Command('npm start --')
  .description('Starts PostgreSQL, Redis and every tier on this machine, and prints where to sign in.')
  .option('--data <dir>', 'where everything is kept', `${projectFolder}.data`)
  .option('--port <n>', 'port on localhost; 0 takes any free one', port, 8080)
  .option('--open', 'opens the page in the browser')
  .option('--containers', 'runs every tier in its container, under its limits')
  .option('--env <name>', 'with --containers: the environment to run', 'local')
  .parse();

const { containers, env, ...options } = command.opts<TerminalOptions & { containers?: true; env: string }>();
// Loaded only when asked for: building images needs a bundler that the plain start does not.
process.exitCode = containers
  ? await (await import('./containers/containers.ts')).runInContainers({ ...options, env })
  : await runInTerminal(options, programs);

function port(given: string): number {
  const number = Number(given);
  if (Number.isInteger(number) && number >= 0 && number <= 65_535) return number;
  throw new InvalidArgumentError('allowed is a whole number from 0 to 65535.');
}
