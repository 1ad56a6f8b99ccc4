/**
 * What a tier is, whatever it runs on. Every platform runs this suite; one that cannot do a thing says why.
 *
 * @example conformance('ecs', { skip: [] })
 */
import { describe, expect, test } from '@jest/globals';
import type { Platform } from '../../../environments/schema/placement.ts';
import { type ServiceName, serviceNames, services } from '../../../services/manifest.ts';
import { addressBook, ofType, one, type StackJson } from '../../stacks/synthesized.ts';
import { context, placement, type TierChanges, tierJson } from './harness.ts';

export interface Conformance {
  /** The word. */
  readonly platform: Platform;
  /** Names of tests that do not apply, each with its reason. */
  readonly skip?: readonly { readonly test: string; readonly reason: string }[];
  /** Types of the compute that a tier has to itself. */
  readonly compute: readonly string[];
  /** What a replica may use, as the platform is told. */
  readonly limits: (stack: StackJson) => { readonly vcpu: number; readonly memoryMiB: number };
  /** The image that runs. */
  readonly image: (stack: StackJson) => string;
  /** How many replicas at least and at most. */
  readonly replicas: (stack: StackJson) => { readonly min: number; readonly max: number };
  /** Where the log of the service goes. */
  readonly logGroup: (stack: StackJson) => string;
  /** What runs before the service, as one line; undefined for nothing. */
  readonly init: (stack: StackJson) => string | undefined;
  /** Names of the secrets that the service gets. */
  readonly secrets: (stack: StackJson) => readonly string[];
  /** The same of its init step; none without one. */
  readonly initSecrets: (stack: StackJson) => readonly string[];
  /** Whose answers have a replica replaced, or started anew. */
  readonly replacedFor: (stack: StackJson) => readonly string[];
  /** What CloudWatch calls the memory of its replicas, and from what of it a person is told, by a replica's budget. */
  readonly memoryFull: { readonly metric: string; readonly at: (memoryMiB: number) => number };
  /** Seconds from SIGTERM to SIGKILL. */
  readonly stopSeconds: (stack: StackJson) => number;
}

export function conformance(suite: Conformance): void {
  const on = (service: ServiceName, changes: Parameters<typeof placement>[0] = {}, others: TierChanges = {}) =>
    tierJson(service, { placements: [placement({ platform: suite.platform, ...changes })], ...others });
  const check = (name: string, run: () => void) => {
    const skipped = suite.skip?.find((one) => one.test === name);
    if (skipped) test(`${name}: not here, ${skipped.reason}`, () => expect(skipped.reason).not.toBe(''));
    else test(name, run);
  };

  describe(`a tier on ${suite.platform}`, () => {
    check('gets exactly its budget', () => {
      expect(suite.limits(on('chat', { vcpu: 1, memoryMiB: 2048 }))).toEqual({ vcpu: 1, memoryMiB: 2048 });
    });

    check('runs the pinned image', () => {
      expect(suite.image(on('chat'))).toBe(`registry/chat@sha256:${'a'.repeat(64)}`);
    });

    check('has as many replicas as asked for', () => {
      expect(suite.replicas(on('chat', { replicas: { min: 3, max: 3 } }))).toEqual({ min: 3, max: 3 });
      expect(suite.replicas(on('chat', { replicas: { min: 2, max: 8 } }))).toEqual({ min: 2, max: 8 });
    });

    check('scales only where the least is below the most', () => {
      const scales = (stack: StackJson) =>
        addressBook(stack).some((address) =>
          /^(aws_(app)?autoscaling_policy|kubernetes_horizontal_pod_autoscaler)/.test(address),
        );
      expect(scales(on('api', { replicas: { min: 2, max: 2 } }))).toBe(false);
      expect(scales(on('api', { replicas: { min: 1, max: 2 } }))).toBe(true);
    });

    check('chat scales on slots and yields, the worker on pages per replica, others on CPU', () => {
      const text = (service: ServiceName) =>
        JSON.stringify(on(service, { replicas: { min: 1, max: 2 }, options: { slots: 64 } }));
      expect(text('chat')).toContain('"metric_name":"SlotsInUse"');
      expect(text('chat')).toContain('"metric_name":"YieldsPerMinute"');
      expect(text('chat')).toContain('"expression":"slots + 0.1 * refused"');
      expect(text('chat')).toContain('"target_value":44');
      expect(text('document-worker')).toContain('"expression":"pages * 12 / samples"');
      expect(text('api')).toMatch(/(ASG|ECSService)AverageCPUUtilization/);
    });

    check('sends its log to the log group of the tier', () => {
      expect(suite.logGroup(on('chat'))).toMatch(/^\$\{aws_cloudwatch_log_group\.chat_logs_\w+\.name\}$/);
    });

    check('migrates before the api starts, and nothing else does', () => {
      for (const service of serviceNames)
        expect([service, suite.init(on(service))]).toEqual([
          service,
          service === 'api' ? 'node main.js migrate' : undefined,
        ]);
    });

    check('is checked at its health path by each balancer in front of it', () => {
      for (const service of serviceNames) {
        const groups = Object.values(ofType(on(service), 'aws_lb_target_group'));
        const exposures = Number(services[service].routes.length > 0) + Number(service === 'vectorstore');
        expect([service, groups.length]).toEqual([service, exposures]);
        for (const group of groups)
          expect(group).toMatchObject({
            port: services[service].port,
            health_check: { path: '/readyz', matcher: '200' },
            deregistration_delay: '110',
            load_balancing_algorithm_type: service === 'chat' ? 'least_outstanding_requests' : 'round_robin',
            lifecycle: { create_before_destroy: true },
          });
      }
    });

    check('is replaced for what the image’s health check says, whatever its balancers think', () => {
      for (const service of serviceNames) expect(suite.replacedFor(on(service))).toEqual(['node health.js']);
    });

    check('tells a person that a store or a tier it calls is away', () => {
      const pattern = (service: ServiceName) =>
        Object.values(ofType(on(service), 'aws_cloudwatch_log_metric_filter')).map((filter) => filter.pattern);
      const alarms = (service: ServiceName) =>
        Object.values(ofType(on(service), 'aws_cloudwatch_metric_alarm')).map((one) => one.alarm_name);
      for (const service of serviceNames) {
        const depends = services[service].uses.length + services[service].calls.length > 0;
        expect([service, pattern(service).includes('{ $.msg = "degraded*" }')]).toEqual([service, depends]);
        expect([service, alarms(service).includes(`bulkhead-test-${service}-degraded`)]).toEqual([service, depends]);
      }
    });

    check('starts after its routes exist', () => {
      for (const service of ['chat', 'vectorstore'] as const) {
        const stack = on(service);
        const routes = [
          ...Object.keys(ofType(stack, 'aws_lb_listener_rule')).map((id) => `aws_lb_listener_rule.${id}`),
          ...Object.keys(ofType(stack, 'aws_lb_listener')).map((id) => `aws_lb_listener.${id}`),
        ];
        const waits = suite.compute.flatMap((type) => Object.values(ofType(stack, type)).map((one) => one.depends_on));
        expect(waits.map((ids) => (ids as string[]).toSorted())).toEqual([routes.toSorted()]);
      }
    });

    check('stops within the environment’s stop timeout', () => {
      expect(suite.stopSeconds(on('chat'))).toBe(120);
    });

    check('shares no compute with another tier', () => {
      const ids = (service: ServiceName) =>
        suite.compute.flatMap((type) => Object.keys(ofType(on(service), type)).map((id) => `${type}.${id}`));
      expect(ids('chat').filter((id) => ids('api').includes(id))).toEqual([]);
      expect(ids('chat')).toHaveLength(1);
    });

    check('reads its own secrets by reference and may read no other', () => {
      const stack = on('vectorstore', {}, { secrets: { DATABASE_URL: 'arn:database', AUTH_SECRET: 'arn:auth' } });
      const text = JSON.stringify(stack);
      expect(text).toContain('arn:database');
      expect(text).not.toContain('arn:auth');
    });

    check('lets the init step alone have the owner of the database', () => {
      for (const service of serviceNames) {
        const stack = on(service);
        expect([service, JSON.stringify(stack).includes('arn:owner')]).toEqual([service, service === 'api']);
        expect(suite.secrets(stack)).not.toContain('DATABASE_OWNER_URL');
        expect(suite.initSecrets(stack)).toEqual(
          service === 'api' ? [...suite.secrets(stack), 'DATABASE_OWNER_URL'] : [],
        );
      }
    });

    check('refuses a secret in plain text', () => {
      expect(() => on('chat', {}, { settings: () => ({ AUTH_SECRET: 'x' }) })).toThrow(
        "setting AUTH_SECRET is a secret and was given in plain text; allowed: a reference, through the tier's secrets",
      );
    });

    check('may touch documents only where the manifest says so', () => {
      for (const service of serviceNames) {
        const uses = (services[service].uses as readonly string[]).includes('document-store');
        const policies = JSON.stringify(ofType(on(service), 'aws_iam_role_policy'));
        expect([service, policies.includes('s3:PutObject')]).toEqual([service, uses]);
      }
    });

    check('refuses placeholders on a real account, and lets a rehearsal pass', () => {
      const image = { digest: `sha256:${'0'.repeat(64)}`, repositoryUrl: 'registry/chat', repositoryArn: 'arn:r' };
      const text = JSON.stringify(on('chat', {}, { image }));
      expect(text).toContain(
        'The image of chat is still the placeholder sha256:000000000. Run: npm run images -- --push test',
      );
      expect(text).toContain('contains([\\"123456789012\\", \\"000000000000\\"], \\"111122223333\\")');
      expect(JSON.stringify(on('chat'))).not.toContain('placeholder');
    });

    check('has alarms on memory and on replicas that do not answer', () => {
      const alarms = Object.values(ofType(on('chat'), 'aws_cloudwatch_metric_alarm'));
      const metrics = alarms.map(({ metric_name }) => metric_name);
      expect(metrics).toContain('UnHealthyHostCount');
      expect(alarms).toContainEqual(
        expect.objectContaining({
          alarm_name: `bulkhead-test-chat-${suite.platform}-memory`,
          metric_name: suite.memoryFull.metric,
          threshold: suite.memoryFull.at(placement().memoryMiB),
          statistic: 'Maximum',
          comparison_operator: 'GreaterThanThreshold',
        }),
      );
      expect(alarms.every(({ alarm_actions }) => (alarm_actions as string[])[0] === 'arn:topic')).toBe(true);
    });

    check('has an alarm on memory that grows without load, by a hundredth of the budget an hour', () => {
      const alarms = Object.values(ofType(on('chat', { memoryMiB: 2048 }), 'aws_cloudwatch_metric_alarm'));
      expect(alarms).toContainEqual(
        expect.objectContaining({
          alarm_name: 'bulkhead-test-chat-leak',
          metric_name: 'MemoryGrowth',
          dimensions: { Environment: 'test', Tier: 'chat' },
          statistic: 'Maximum',
          threshold: Math.floor(0.01 * 2048 * 2 ** 20),
          period: 300,
          evaluation_periods: 6,
        }),
      );
    });

    check('leaves names within their limits for the longest environment', () => {
      const stack = on('document-worker', {}, { context: { ...context, prefix: 'bulkhead-abcdefgh' } });
      for (const role of Object.values(ofType(stack, 'aws_iam_role')))
        expect(String(role.name).length).toBeLessThanOrEqual(64);
      expect(one(stack, 'aws_security_group').description).toBe('document-worker tier');
    });
  });
}
