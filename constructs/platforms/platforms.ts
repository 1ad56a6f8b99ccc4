import type { Construct } from 'constructs';
import type { Platform as Word } from '../../environments/schema/placement.ts';
import type { PlatformChild, PlatformProps } from '../tier/tier-props.ts';
import { EcsTier } from './ecs/ecs-tier.ts';
import { VmTier } from './vm/vm-tier.ts';

/** The one table: the word of a placement to what it becomes. A third platform is a third line. */
export const platforms = { vm: VmTier, ecs: EcsTier } as const satisfies Partial<Record<Word, Platform>>;

export type PlatformName = keyof typeof platforms;
export const platformNames = Object.keys(platforms) as PlatformName[];

/** Compute for one tier. */
export type Platform = new (scope: Construct, id: string, props: PlatformProps) => PlatformChild;
