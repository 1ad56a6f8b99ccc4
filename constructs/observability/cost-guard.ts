import { BudgetsBudget } from '@cdktf/provider-aws/lib/budgets-budget/index.js';
import { Construct } from 'constructs';

export interface CostGuardProps {
  readonly prefix: string;
  readonly environment: string;
  /** The ceiling that synth checked: the same number. */
  readonly monthlyCeilingUsd: number;
  readonly topicArn: string;
}

/** Shares of the ceiling at which a person hears of it, in percent. */
const warnings = [50, 80, 100] as const;

/**
 * An AWS budget over the environment's tag. Synth calculates what is known beforehand; the budget sees what is not:
 * traffic, requests, storage that grows. The tag `Environment` has to be activated once as a cost allocation tag.
 */
export class CostGuard extends Construct {
  constructor(scope: Construct, id: string, props: CostGuardProps) {
    super(scope, id);
    new BudgetsBudget(this, 'budget', {
      name: props.prefix,
      budgetType: 'COST',
      limitAmount: props.monthlyCeilingUsd.toFixed(1),
      limitUnit: 'USD',
      timeUnit: 'MONTHLY',
      costFilter: [{ name: 'TagKeyValue', values: [`user:Environment$${props.environment}`] }],
      notification: warnings.map((threshold) => ({
        comparisonOperator: 'GREATER_THAN',
        threshold,
        thresholdType: 'PERCENTAGE',
        notificationType: 'ACTUAL',
        subscriberSnsTopicArns: [props.topicArn],
      })),
    });
  }
}
