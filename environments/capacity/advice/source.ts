/** An environment as the file that a person would write. */
import type { EnvironmentInput } from '../../environment.ts';

export const environmentSource = (environment: EnvironmentInput): string =>
  `import type { EnvironmentInput } from './environment.ts';\n\nexport const ${environment.name}: EnvironmentInput = ${literal(environment)};\n`;

const literal = (value: unknown): string =>
  JSON.stringify(value, undefined, 2)
    .replace(/^( *)"([a-zA-Z_]\w*)":/gm, '$1$2:')
    .replace(/"((?:[^"\\]|\\.)*)"/g, (_, text: string) => `'${text.replaceAll('\\"', '"').replaceAll("'", "\\'")}'`);
