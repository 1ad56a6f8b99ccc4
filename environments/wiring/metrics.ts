/** Metrics that services publish in their log lines (CloudWatch embedded metric format), and who scales on which. */
import { type ServiceName, settings } from '../../services/manifest.ts';

export const metricNamespace = 'Bulkhead';

/** Dimensions of every metric, so that environments of one account do not mix. */
export const metricDimensions = (environment: string, tier: ServiceName) => ({ Environment: environment, Tier: tier });

/** chat: answers in flight on one replica. */
export const slotsInUse = 'SlotsInUse';

/** document-worker: pages of the whole environment that are granted or wait; every replica publishes the same number. */
export const pagesGrantedAndWaiting = 'PagesGrantedAndWaiting';

/** Answers in flight per replica: what the placement says, else chat's own default. */
export const slotsPerReplica = (given: number | undefined): number => given ?? Number(settings.CHAT_SLOTS.default);

/** Share of a replica's slots that are taken before another starts, in percent: the rest covers its start. */
export const slotsTargetPercent = 70;

/** Pages of backlog per replica before another starts: four windows of 50. */
export const pagesPerReplica = 200;

/** CPU of a replica before another starts, in percent. */
export const cpuTargetPercent = 60;
