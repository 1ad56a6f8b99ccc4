import { CloudwatchDashboard } from '@cdktf/provider-aws/lib/cloudwatch-dashboard/index.js';
import { Construct } from 'constructs';
import { metricNamespace, pagesGrantedAndWaiting, slotsInUse } from '../../environments/wiring/metrics.ts';
import type { ServiceName } from '../../services/manifest.ts';
import type { Balancer } from '../network/balancer.ts';
import type { TierContext } from '../tier/tier.ts';

export interface DashboardProps {
  readonly context: TierContext;
  readonly services: readonly ServiceName[];
  readonly balancer: Balancer;
  /** Identifier of the database and Redis. */
  readonly foundation: string;
}

/**
 * One page: is it answering, is it full, is it failing, are the stores well. Widgets name no platform, so a swap leaves
 * the page as it is.
 */
export class Dashboard extends Construct {
  constructor(scope: Construct, id: string, { context, services, balancer, foundation }: DashboardProps) {
    super(scope, id);
    const { region, environment } = context;
    const balancerMetric = (name: string, stat: string) => [
      'AWS/ApplicationELB',
      name,
      'LoadBalancer',
      balancer.arnSuffix,
      { stat },
    ];
    const own = (name: string, tier: ServiceName, stat: string) => [
      metricNamespace,
      name,
      'Environment',
      environment,
      'Tier',
      tier,
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
      widget('Chat: slots in use per replica', [
        own(slotsInUse, 'chat', 'Average'),
        own(slotsInUse, 'chat', 'Maximum'),
      ]),
      widget('Documents: pages granted and waiting', [own(pagesGrantedAndWaiting, 'document-worker', 'Maximum')]),
      widget(
        'Error lines',
        services.map((name) => [`${metricNamespace}/${environment}`, `${name}-errors`, { stat: 'Sum' }]),
      ),
      widget('PostgreSQL', [
        ['AWS/RDS', 'CPUUtilization', 'DBInstanceIdentifier', foundation],
        ['AWS/RDS', 'FreeStorageSpace', 'DBInstanceIdentifier', foundation, { yAxis: 'right' }],
      ]),
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
