import type { Environment } from '../environments/environment.ts';
import type { AwsEnvironment } from './base-stack.ts';

/** @throws Error for an environment of another target, saying which there is. */
export function onAws(environment: Environment): AwsEnvironment {
  const { aws } = environment;
  if (!aws) throw new Error(`environment '${environment.name}' has target '${environment.target}'; allowed: 'aws'`);
  return { ...environment, aws };
}
