/** An environment with what its stacks say that it costs. */
import { App } from 'cdktf';
import { resolveEnvironment } from '../../environments/environment.ts';
import { loadEnvironment } from '../../environments/index.ts';
import type { CostedEnvironment } from '../../environments/pricing/costed-environment.ts';
import type { AwsEnvironment } from '../base-stack.ts';
import { costedEnvironment } from '../cost.ts';
import { readImages } from '../images/digests.ts';
import { onAws } from '../on-aws.ts';
import { addStacks } from '../synthesize.ts';

export interface Costed {
  readonly environment: AwsEnvironment;
  readonly costed: CostedEnvironment;
}

export async function costedByName(name: string): Promise<Costed> {
  const environment = onAws(resolveEnvironment(await loadEnvironment(name)));
  return {
    environment,
    costed: costedEnvironment(environment, Object.values(addStacks(new App(), environment, readImages(name)))),
  };
}
