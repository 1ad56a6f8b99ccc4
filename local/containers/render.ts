/** The text of a compose file. */
import { stringify } from 'yaml';
import type { Environment } from '../../environments/environment.ts';
import type { Compose } from './compose.ts';

/** YAML 1.1, as Python's readers take it: a bare `no` would be false there. */
export function renderCompose(compose: Compose, environment: Environment): string {
  const head = [
    `Environment '${environment.name}' on one machine. Rendered by: npm run compose -- ${environment.name}`,
    'Change the environment and render again; what is changed here is lost. Secrets and ports: the .env file beside it.',
    'Run: docker compose up, or podman-compose up; and all in one: npm start -- --containers',
  ];
  return `${head.map((line) => `# ${line}\n`).join('')}\n${stringify(compose, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false })}`;
}

/** The `.env` file. Values are our own and begin with no quote, so nothing needs any; JSON of several lines becomes one. */
export function renderEnv(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value.replaceAll(/\s*\n\s*/g, ' ')}\n`)
    .join('');
}
