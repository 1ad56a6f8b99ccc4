/** `npm run compose -- <env>`: writes compose.yaml, and beside it a `.env` with secrets made for this machine. */
import { Command } from 'commander';
import { resolveEnvironment } from '../../environments/environment.ts';
import { loadComposable } from './environments.ts';
import { writeCompose } from './files.ts';

const command = new Command('npm run compose --')
  .description('Renders an environment as a compose file: its tiers, limits and networks on one machine.')
  .argument('<env>', "of environments, or 'local'")
  .option('--out <dir>', 'folder to write to', process.cwd())
  .option('--port <n>', 'port on localhost', '8080')
  .parse();

try {
  const { out, port } = command.opts<{ out: string; port: string }>();
  const environment = resolveEnvironment(await loadComposable(command.args[0] as string));
  const path = await writeCompose({ environment, folder: out, port: Number(port) });
  console.log(`${path} and .env beside it; build the images first: npm run images`);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
