/** What of an environment costs money. A resolved environment, with the counts that only its stacks know, is one. */

import type { Architecture } from '../budget/instance-types.ts';
import type { NatChoice } from '../schema/aws.ts';
import type { Placement } from '../schema/placement.ts';
import type { CostLine } from './lines.ts';
import type { Usage } from './usage.ts';

export interface CostedAws {
  readonly region: string;
  readonly zones: readonly string[];
  readonly architecture: Architecture;
  readonly nat: NatChoice;
  /** Interface endpoints for AWS APIs; {@link Counts.interfaceEndpoints} of them. */
  readonly endpoints: boolean;
  readonly postgres: {
    readonly instanceClass: string;
    readonly storageGiB: number;
    readonly multiAz: boolean;
    readonly backupDays: number;
  };
  readonly redis: {
    readonly nodeType: string;
    readonly nodes: number;
    /** Valkey speaks the same protocol and costs a fifth less. @default 'valkey' */
    readonly engine?: 'redis' | 'valkey';
  };
  /** Parts that others pay. @default none */
  readonly existing?: Readonly<Partial<Record<'network' | 'postgres' | 'redis' | 'documents' | 'keyArn', unknown>>>;
  /** A zone that others pay. @default none is used */
  readonly hostedZoneId?: string | undefined;
  readonly logRetentionDays: number;
  /** Connections of the VPC are logged. @default false */
  readonly auditLogs?: boolean;
}

/** How many there are of what is billed by the piece: the stacks know, and a test compares. */
export interface Counts {
  readonly secrets: number;
  readonly kmsKeys: number;
  /** Metrics that alarms read: one that computes with two of them is billed as two. */
  readonly alarms: number;
  readonly dashboards: number;
  /** Custom metrics: each name with each set of dimensions. */
  readonly metrics: number;
  /** Interface endpoints, each billed in every zone. */
  readonly interfaceEndpoints: number;
  readonly hostedZones: number;
  /** Rules of the web ACL; 0 is no ACL. */
  readonly wafRules: number;
}

export interface KubernetesNodes {
  /** @example 'm7g.large' */
  readonly instanceType: string;
  /**
   * Nodes paid by this environment. 0: a cluster that others pay, of which the tiers take their share.
   * @default as many as the budgets need
   */
  readonly nodes?: number | undefined;
  /** Whether the control plane is paid by this environment. */
  readonly ownCluster: boolean;
}

export interface CostedEnvironment {
  readonly name: string;
  readonly tiers: Readonly<Record<string, readonly Placement[]>>;
  readonly aws: CostedAws;
  readonly counts: Counts;
  /** Required where a tier is placed on 'kubernetes'. */
  readonly kubernetes?: KubernetesNodes | undefined;
  /** What others bill at the promised load. @default none */
  readonly models?: readonly CostLine[];
  /** @default every field of `defaultUsage` */
  readonly usage?: Partial<Usage> | undefined;
}

/** A range of replicas costs between these two. The ceiling is held against `max`: a bill must not surprise. */
export type At = 'min' | 'max';
