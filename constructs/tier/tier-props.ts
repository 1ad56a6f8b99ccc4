/** What a tier and its platform children are given, and what they offer each other. Types only. */
import type { TerraformResource } from 'cdktf';
import type { Construct } from 'constructs';
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
  /** Absent: the environment names no cluster. */
  readonly kubernetes?: KubernetesContext;
}

/** What tiers on Kubernetes share: the cluster, their namespace, and where the network ends. */
export interface KubernetesContext {
  /** Its objects are made here: a stack with a provider and a state of its own. */
  readonly scope: Construct;
  /** Name of the EKS cluster. */
  readonly cluster: string;
  readonly namespace: string;
  /** Namespace, quota and what is denied: there before anything of a tier. */
  readonly after: readonly TerraformResource[];
  /** Blocks of addresses. A network policy knows neither security groups nor names. */
  readonly blocks: {
    readonly network: string;
    readonly publicBalancer: readonly string[];
    readonly internalBalancer: readonly string[];
    readonly stores: readonly string[];
  };
  /** Port of a service that others call. */
  readonly portOf: (service: string) => number;
  /** TCP ports of a declared foreign endpoint. */
  readonly egressPorts: (endpoint: string) => readonly number[];
  /** Raised by hand after a secret got a new value: pods then read it. */
  readonly secretsRevision: number;
  /** Whether the cluster has an adapter for them. */
  readonly externalMetrics: boolean;
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
