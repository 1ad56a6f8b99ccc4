import type { Construct } from 'constructs';
import type { Platform as Word } from '../../environments/schema/placement.ts';
import type { PlatformChild, PlatformProps } from '../tier/tier-props.ts';
import { EcsTier } from './ecs/ecs-tier.ts';
import { KubernetesTier } from './kubernetes/kubernetes-tier.ts';
import { VmTier } from './vm/vm-tier.ts';

/** The one table: the word of a placement to what it becomes. A fourth platform is a fourth line. */
export const platforms = { vm: VmTier, ecs: EcsTier, kubernetes: KubernetesTier } as const satisfies Partial<
  Record<Word, Platform>
>;

export type PlatformName = keyof typeof platforms;
export const platformNames = Object.keys(platforms) as PlatformName[];

/** Compute for one tier. */
export type Platform = new (scope: Construct, id: string, props: PlatformProps) => PlatformChild;
