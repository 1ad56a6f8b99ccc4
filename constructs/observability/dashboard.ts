/**
 * One page: is it answering, is it full, is it failing, are the stores well. Widgets name no platform, so a swap leaves
 * the page as it is.
 */
import { CloudwatchDashboard } from '@cdktf/provider-aws/lib/cloudwatch-dashboard/index.js';
import { Construct } from 'constructs';
import type { Definitions } from '../../services/definition.ts';
import { metricDimensions, metricNames, metricNamespace } from '../../services/metrics.ts';
import type { Balancer } from '../network/balancer.ts';
import type { TierContext } from '../tier/tier-props.ts';

export interface DashboardProps {
  readonly context: TierContext;
  readonly services: Definitions;
  readonly balancer: Balancer;
  /** Identifier of the database; absent: it is not made here. */
  readonly database: string | undefined;
}

/** Of the replica that uses most; what its budget is says the environment. */
const everyTier = [
  ['CPU of a replica, in cores', metricNames.cpu],
  ['Memory of a replica, in bytes', metricNames.memory],
  ['Memory that grows without load, in bytes an hour', metricNames.memoryGrowth],
] as const;

export class Dashboard extends Construct {
  constructor(scope: Construct, id: string, { context, services, balancer, database }: DashboardProps) {
    super(scope, id);
    const { region, environment } = context;
    const balancerMetric = (name: string, stat: string) => [
      'AWS/ApplicationELB',
      name,
      'LoadBalancer',
      balancer.arnSuffix,
      { stat },
    ];
    const own = (name: string, tier: string, stat: string) => [
      metricNamespace,
      name,
      ...Object.entries(metricDimensions(environment, tier)).flat(),
      { stat },
    ];
    const widgets = [
      widget('Requests and answers', [
        balancerMetric('RequestCount', 'Sum'),
        balancerMetric('HTTPCode_Target_4XX_Count', 'Sum'),
        balancerMetric('HTTPCode_Target_5XX_Count', 'Sum'),
      ]),
      widget('Time to answer', [
        balancerMetric('TargetResponseTime', 'p50'),
        balancerMetric('TargetResponseTime', 'p99'),
      ]),
      ...Object.entries(services).flatMap(([name, { charts = [] }]) =>
        charts.map(({ title, metric, statistics }) =>
          widget(
            title,
            statistics.map((stat) => own(metric, name, stat)),
          ),
        ),
      ),
      ...everyTier.map(([title, metric]) =>
        widget(
          title,
          Object.keys(services).map((name) => own(metric, name, 'Maximum')),
        ),
      ),
      widget(
        'Error lines',
        Object.keys(services).map((name) => [`${metricNamespace}/${environment}`, `${name}-errors`, { stat: 'Sum' }]),
      ),
      ...(database
        ? [
            widget('PostgreSQL', [
              ['AWS/RDS', 'CPUUtilization', 'DBInstanceIdentifier', database],
              ['AWS/RDS', 'FreeStorageSpace', 'DBInstanceIdentifier', database, { yAxis: 'right' }],
            ]),
          ]
        : []),
    ];
    new CloudwatchDashboard(this, 'dashboard', {
      dashboardName: context.prefix,
      dashboardBody: JSON.stringify({
        widgets: widgets.map((one, index) => ({
          ...one,
          x: (index % 2) * 12,
          y: Math.floor(index / 2) * 6,
          width: 12,
          height: 6,
        })),
      }),
    });

    function widget(title: string, metrics: unknown[]) {
      return { type: 'metric', properties: { title, metrics, region, period: 300, view: 'timeSeries' } };
    }
  }
}
