import { hasOwnCluster } from '../environments/schema/kubernetes.ts';
import type { AwsEnvironment } from './base-stack.ts';

/** Which stacks an environment has, in the order in which they are applied; destroyed in the opposite one. */
export const stackParts = ({ kubernetes }: Pick<AwsEnvironment, 'kubernetes'>): readonly string[] => [
  'foundation',
  ...(hasOwnCluster({ kubernetes }) ? ['cluster'] : []),
  'service',
  ...(kubernetes ? ['kubernetes'] : []),
];
