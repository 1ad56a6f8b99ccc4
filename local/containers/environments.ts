import type { EnvironmentInput } from '../../environments/environment.ts';
import { loadEnvironment } from '../../environments/index.ts';
import { local } from '../../environments/local.ts';

/** Any environment can run in containers on one machine, the local one too. @throws Error naming those there are */
export async function loadComposable(name: string): Promise<EnvironmentInput> {
  return name === 'local' ? local : loadEnvironment(name);
}
