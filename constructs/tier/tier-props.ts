/** What a tier and its platform children are given, and what they offer each other. Types only. */
import type { TerraformResource } from 'cdktf';
import type { Placement } from '../../environments/schema/placement.ts';
import type { PlainSettings } from '../../environments/wiring/plain-settings.ts';
import type { ServiceDefinition } from '../../services/definition.ts';

/** What the stack offers to every tier of an environment. */
export interface TierContext {
  /** @example 'bulkhead-dev' */
  readonly prefix: string;
  readonly environment: string;
  readonly region: string;
  readonly accountId: string;
  readonly architecture: 'arm64' | 'x86_64';
  readonly ami: string | undefined;
  readonly vpcId: string;
  readonly privateSubnetIds: readonly string[];
  readonly cluster: {
    readonly arn: string;
    readonly name: string;
    /** Which capacity it may take: there before a service asks for it, and gone after. */
    readonly capacity?: TerraformResource;
  };
  readonly keyArn: string;
  readonly logRetentionDays: number;
  readonly alarmTopicArn: string;
  /** Bucket of the document store; absent where no tier uses one. */
  readonly documentsArn: string | undefined;
  readonly publicListenerArn: string;
  readonly internalBalancerArn: string | undefined;
  /** How each balancer's metrics name it. */
  readonly balancerSuffixes: { readonly public: string; readonly internal: string };
  readonly limits: {
    readonly deregistrationDelayMs: number;
    readonly stopTimeoutMs: number;
    readonly uploadBytesMax: number;
  };
}

export interface PathRoute {
  readonly pattern: string;
  readonly priority: number;
}

export interface TierProps {
  /** Its name in every resource. */
  readonly service: string;
  readonly definition: ServiceDefinition;
  /** Its public paths, each with its priority in the listener: the lowest wins. */
  readonly routes: readonly PathRoute[];
  readonly placements: readonly Placement[];
  readonly context: TierContext;
  readonly image: {
    readonly digest: string;
    readonly repositoryUrl: string;
    /** Absent: not from this account's registry. */
    readonly repositoryArn?: string;
  };
  /** Plain settings of a replica on this placement. */
  readonly settings: (placement: Placement) => PlainSettings;
  /** ARN of the secret behind each secret setting. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Whether other tiers call it. */
  readonly called: boolean;
  /** Tiers that it calls; an optional one that is not placed is none of them. */
  readonly calls: readonly string[];
}

/** What a platform child is given. */
export interface PlatformProps extends Omit<TierProps, 'placements' | 'settings'> {
  readonly placement: Placement;
  readonly settings: PlainSettings;
  readonly securityGroupId: string;
  readonly logGroup: { readonly name: string; readonly arn: string };
}

/** What a platform child offers to its tier. */
export interface PlatformChild {
  /** Where the public balancer sends requests; absent for a tier without routes. */
  readonly publicTargetArn: string | undefined;
  /** The same for the internal balancer; a target group belongs to one balancer. */
  readonly internalTargetArn: string | undefined;
  /** Starts replicas only after these exist: a target group outside of any route has no health. */
  startAfter(routes: readonly TerraformResource[]): void;
}
