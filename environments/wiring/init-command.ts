import type { ServiceName } from '../../services/manifest.ts';

/**
 * What must succeed before a replica starts. Migrations gate every rollout the same way on every platform: a step of the
 * api tier with the api's own image, under an advisory lock, so replicas that start together do it once.
 */
export function initCommand(service: ServiceName): readonly string[] | undefined {
  return service === 'api' ? ['node', 'main.js', 'migrate'] : undefined;
}
