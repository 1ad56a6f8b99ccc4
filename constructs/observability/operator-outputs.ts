import { Lazy, TerraformOutput } from 'cdktf';
import { Construct } from 'constructs';
import type { TierContext } from '../tier/tier-props.ts';

export interface OperatorOutputsProps {
  readonly context: TierContext;
  readonly tiers: readonly string[];
}

/** What who operates an environment types or opens. Nothing of a platform: a swap leaves it as it is. */
export function operatorOutputs(scope: Construct, { context, tiers }: OperatorOutputsProps): void {
  const { region, prefix } = context;
  // Beside the dashboard itself: a name is given once in a scope.
  const own = new Construct(scope, 'operator');
  const output = (name: string, value: unknown, description: string) =>
    new TerraformOutput(own, name, { value, description, staticId: true });
  output(
    'dashboard',
    `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#dashboards/dashboard/${prefix}`,
    'what the tiers do now',
  );
  output(
    'logs',
    // Resolved late: cdktf looks at a plain object by what Node tells on every synth that it is deprecated.
    Lazy.anyValue({
      produce: () =>
        Object.fromEntries(tiers.map((tier) => [tier, `aws logs tail /${prefix}/${tier} --region ${region} --follow`])),
    }),
    'commands that follow the logs of a tier',
  );
  output(
    'shell',
    `aws ssm start-session --region ${region} --target $(aws ec2 describe-instances --region ${region} ` +
      `--filters Name=tag:Environment,Values=${context.environment} Name=tag:Tier,Values=TIER ` +
      `Name=instance-state-name,Values=running --query Reservations[0].Instances[0].InstanceId --output text)`,
    'opens a shell on an instance of a vm tier, whose name replaces TIER; tasks of ECS have none (docs/operating.md)',
  );
}
