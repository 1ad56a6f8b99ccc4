/** What a person needs to know once the deployment runs. Pure. */
import { modelList } from '../services/models.ts';
import type { LocalDeployment } from './deployment.ts';

type Shown = Pick<LocalDeployment, 'url' | 'signInUrl' | 'dataFolder' | 'redis'> & {
  /** @default the folder `logs` of the data folder */
  readonly logs?: string;
};

/** @param model name of the model that answers; absent: the extractive answerer */
export function welcome({ url, signInUrl, dataFolder, redis, logs }: Shown, model: string | undefined): string {
  return [
    '',
    `Ready: ${url}`,
    ...(signInUrl ? ['', 'Sign in as the owner, once, with:', `  ${signInUrl}`] : []),
    '',
    `Data      ${dataFolder}`,
    `Logs      ${logs ?? `${dataFolder}/logs`}`,
    `Redis     ${redis}`,
    model
      ? `Answers   by ${model}`
      : 'Answers   extractive: the best passages, quoted and cited. For a model set MODEL_URL and MODEL_NAME.',
    'Stop      Ctrl-C',
    '',
  ].join('\n');
}

/** The models of an outer environment, as {@link welcome} shows them; the services say what is wrong with it. */
export function shownModel({ MODELS, MODEL_URL, MODEL_NAME }: Readonly<Record<string, string | undefined>>) {
  if (!MODELS) return MODEL_URL ? MODEL_NAME || MODEL_URL : undefined;
  return modelList
    .parse(JSON.parse(MODELS))
    .map(({ name }) => name)
    .join(', ');
}
