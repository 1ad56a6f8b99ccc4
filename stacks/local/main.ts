/** `npm start`: the whole house on this machine, in this terminal. */
import { Command, InvalidArgumentError } from 'commander';
import { Listr } from 'listr2';
import open from 'open';
import { type House, type Plan, planHouse } from './house.ts';
import { projectFolder } from './tiers.ts';
import { welcome } from './welcome.ts';

interface Options {
  data: string;
  port: number;
  open?: true;
}

const command = new Command('npm start --')
  .description('Starts PostgreSQL, Redis and every tier on this machine, and prints where to sign in.')
  .option('--data <dir>', 'where everything is kept', `${projectFolder}.data`)
  .option('--port <n>', 'port on localhost; 0 takes any free one', port, 8080)
  .option('--open', 'opens the page in the browser')
  .parse();

process.exitCode = await run(command.opts<Options>());

async function run(options: Options): Promise<number> {
  const events: string[] = [];
  let say = (line: string): void => {
    events.push(line);
  };
  const plan = planHouse({ data: options.data, port: options.port, tell: (line) => say(line) });
  const asked = stopOnSignal(plan);
  const ready = await startWithProgress(plan);
  for (const line of events) console.log(line);
  say = console.log;
  if (ready !== true) {
    if (!asked.already) console.error(`\n${ready}`);
    await plan.stop();
    return asked.already ? 0 : 1;
  }
  await present(plan.house(), options);
  await asked.stopped;
  console.log('Stopped; everything is kept in the data folder.');
  return 0;
}

/** @returns `true`, or what is in the way */
async function startWithProgress(plan: Plan): Promise<true | string> {
  const tasks = plan.steps.map(({ title, run }) => ({
    title,
    task: async (_: unknown, task: { title: string }) => {
      const said = await run();
      if (said) task.title = `${title}: ${said}`;
    },
  }));
  try {
    await new Listr(tasks, {
      // Ours stops the house; Listr's would only draw the list once more.
      registerSignalListeners: false,
      rendererOptions: { showErrorMessage: false, collapseErrors: false },
      fallbackRenderer: 'simple',
    }).run();
    return true;
  } catch (error) {
    return (error as Error).message;
  }
}

async function present(house: House, options: Options): Promise<void> {
  const model = process.env.MODEL_URL ? process.env.MODEL_NAME || process.env.MODEL_URL : undefined;
  console.log(welcome(house, model));
  if (options.open) {
    const browser = await open(house.signInUrl ?? house.url);
    browser.once('error', () => console.log('no browser could be opened; open the address above by hand'));
  }
}

/** The first Ctrl-C drains, the second ends everything at once. */
function stopOnSignal(plan: Plan): { readonly already: boolean; readonly stopped: Promise<void> } {
  let count = 0;
  const { promise: stopped, resolve, reject } = Promise.withResolvers<void>();
  const onSignal = () => {
    count++;
    if (count === 1) {
      console.log('\nStopping: requests under way may end. Ctrl-C again ends everything now.');
      const patience = setInterval(() => console.log(`still waiting for: ${plan.running().join(', ')}`), 10_000);
      plan
        .stop()
        .finally(() => clearInterval(patience))
        .then(resolve, reject);
    } else if (count === 2) void plan.stop({ force: true });
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal).on('SIGHUP', onSignal);
  return {
    get already() {
      return count > 0;
    },
    stopped,
  };
}

function port(given: string): number {
  const number = Number(given);
  if (Number.isInteger(number) && number >= 0 && number <= 65_535) return number;
  throw new InvalidArgumentError('allowed is a whole number from 0 to 65535.');
}
