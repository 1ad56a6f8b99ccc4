/** The deployment at a terminal: its progress, its messages, Ctrl-C. */
import { Listr } from 'listr2';
import open from 'open';
import { type LocalDeployment, type Plan, planDeployment } from './deployment.ts';
import type { Programs } from './tiers.ts';
import { shownModel, welcome } from './welcome.ts';

export interface TerminalOptions {
  /** Data folder. */
  readonly data: string;
  /** Public port; 0: any free one. */
  readonly port: number;
  /** Opens the page in the browser. */
  readonly open?: true;
}

/**
 * Starts a deployment, shows its progress, and runs it until Ctrl-C or SIGTERM.
 *
 * @returns the exit code: 0 after a clean stop, 1 when it could not start
 */
export async function runInTerminal(options: TerminalOptions, programs: Programs): Promise<number> {
  const events: string[] = [];
  let say = (line: string): void => {
    events.push(line);
  };
  const plan = planDeployment({ data: options.data, port: options.port, programs, tell: (line) => say(line) });
  const asked = stopOnSignal(plan);
  const ready = await startWithProgress(plan);
  for (const line of events) console.log(line);
  say = console.log;
  if (ready !== true) {
    if (!asked.already) console.error(`\n${ready}`);
    await plan.stop();
    return asked.already ? 0 : 1;
  }
  await present(plan.deployment(), options);
  await asked.stopped;
  console.log('Stopped; everything is kept in the data folder.');
  return 0;
}

/** @returns `true`, or what is in the way */
async function startWithProgress(plan: Plan): Promise<true | string> {
  const tasks = plan.steps.map(({ title, run }) => ({
    title,
    task: async (_: unknown, task: { title: string; output: string }) => {
      const said = await run((line) => {
        task.output = line;
      });
      if (said) task.title = `${title}: ${said}`;
    },
  }));
  try {
    await new Listr(tasks, {
      // Ours stops the deployment; Listr's would only draw the list once more.
      registerSignalListeners: false,
      rendererOptions: { showErrorMessage: false, collapseErrors: false },
      // A terminal of unknown width gets plain lines too: the list would be broken after every character.
      fallbackRendererCondition: () => !process.stdout.isTTY || !process.stdout.columns,
      fallbackRenderer: 'simple',
    }).run();
    return true;
  } catch (error) {
    return (error as Error).message;
  }
}

async function present(deployment: LocalDeployment, options: TerminalOptions): Promise<void> {
  console.log(welcome(deployment, shownModel(process.env)));
  if (options.open) {
    const browser = await open(deployment.signInUrl ?? deployment.url);
    browser.once('error', () => console.log('no browser could be opened; open the address above by hand'));
  }
}

/** The first Ctrl-C drains, the second ends everything at once. */
function stopOnSignal(plan: Plan): { readonly already: boolean; readonly stopped: Promise<void> } {
  let count = 0;
  let firstMs = 0;
  const { promise: stopped, resolve, reject } = Promise.withResolvers<void>();
  const onSignal = () => {
    if (count > 0 && Date.now() - firstMs < echoMs) return;
    count++;
    if (count === 1) {
      firstMs = Date.now();
      console.log('\nStopping: requests under way may end. Ctrl-C again ends everything now.');
      const patience = setInterval(() => console.log(`still waiting for: ${plan.running().join(', ')}`), 10_000);
      plan
        .stop()
        .finally(() => clearInterval(patience))
        .then(resolve, reject);
    } else if (count === 2) void plan.stop({ force: true });
  };
  // A terminal that was closed under us must not stop the stopping.
  process.stdout.on('error', () => {});
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal).on('SIGHUP', onSignal);
  return {
    get already() {
      return count > 0;
    },
    stopped,
  };
}

/** npm passes a Ctrl-C on to us that the terminal has sent us already: the same key, twice. */
const echoMs = 1000;
