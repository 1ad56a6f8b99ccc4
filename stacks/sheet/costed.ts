/** Environments with what their stacks say that they cost. */
import { App } from 'cdktf';
import { type Environment, resolveEnvironment } from '../../environments/environment.ts';
import { loadEnvironment } from '../../environments/index.ts';
import type { AwsEnvironment } from '../base-stack.ts';
import { costedEnvironment } from '../cost.ts';
import { type Images, readImages } from '../images/digests.ts';
import { onAws } from '../on-aws.ts';
import { addStacks } from '../synthesize.ts';
import type { Costed } from './sheet-of.ts';

/** Synthesized in memory: its parts are counted, nothing is written. */
export function costedOf(environment: AwsEnvironment, images: Images): Costed {
  return {
    environment,
    costed: costedEnvironment(environment, Object.values(addStacks(new App(), environment, images))),
  };
}

export async function costedByName(
  name: string,
  change: (environment: Environment) => Environment = (environment) => environment,
): Promise<Costed> {
  return costedOf(onAws(change(resolveEnvironment(await loadEnvironment(name)))), readImages(name));
}
