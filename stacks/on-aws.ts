import type { Environment } from '../environments/environment.ts';
import type { AwsEnvironment } from './base-stack.ts';
import { readSecretVersions } from './deploying/secret-versions.ts';

/**
 * The environment with what stands beside it: how often its secrets were rotated.
 *
 * @throws Error for an environment of another target, saying which there is.
 */
export function onAws(environment: Environment): AwsEnvironment {
  const { aws } = environment;
  if (!aws) throw new Error(`environment '${environment.name}' has target '${environment.target}'; allowed: 'aws'`);
  const secretVersions = { ...aws.secretVersions, ...readSecretVersions(environment.name) };
  return { ...environment, aws: { ...aws, secretVersions } };
}
