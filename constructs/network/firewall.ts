import { Wafv2IpSet } from '@cdktf/provider-aws/lib/wafv2-ip-set/index.js';
import type { Wafv2WebAclRule } from '@cdktf/provider-aws/lib/wafv2-web-acl/index.js';
import { Wafv2WebAclAssociation } from '@cdktf/provider-aws/lib/wafv2-web-acl-association/index.js';
import { Construct } from 'constructs';
import { lazy } from '../lazy.ts';
import { justify, noJava } from '../policies/justified.ts';

export interface FirewallProps {
  readonly prefix: string;
  readonly balancerArn: string;
  /** Who may come in. @default everybody */
  readonly allowedCidrs?: readonly string[] | undefined;
  /** Requests of one address in five minutes. */
  readonly requestsPerFiveMinutes: number;
}

/**
 * Rules of AWS's common set that read bodies: counted, not refused. People ask about and upload texts of any kind, with
 * markup and paths in them, and uploads are larger than the 8 KB that WAF reads of a body.
 * https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
 */
const countedOnly = [
  'SizeRestrictions_BODY',
  'CrossSiteScripting_BODY',
  'GenericLFI_BODY',
  'GenericRFI_BODY',
  'EC2MetaDataSSRF_BODY',
];

/** A web ACL (AWS WAF) on a balancer: an allow-list of networks, a rate for each address, AWS's common rules. */
export class Firewall extends Construct {
  constructor(scope: Construct, id: string, props: FirewallProps) {
    super(scope, id);
    const { prefix, allowedCidrs, requestsPerFiveMinutes } = props;
    const seen = (metricName: string) => ({
      metricName: `${prefix}-${metricName}`,
      cloudwatchMetricsEnabled: true,
      // Parts of requests; they may hold what people ask.
      sampledRequestsEnabled: false,
    });
    // A statement is handed on as it is written: names as in Terraform.
    const rules: Omit<Wafv2WebAclRule, 'priority'>[] = [
      ...(allowedCidrs
        ? [
            {
              name: 'not-allowed',
              action: { block: {} },
              statement: {
                not_statement: {
                  statement: { ip_set_reference_statement: { arn: this.allowed(prefix, allowedCidrs) } },
                },
              },
              visibilityConfig: seen('not-allowed'),
            },
          ]
        : []),
      {
        name: 'rate',
        action: { block: {} },
        statement: {
          rate_based_statement: {
            limit: requestsPerFiveMinutes,
            evaluation_window_sec: 300,
            aggregate_key_type: 'IP',
          },
        },
        visibilityConfig: seen('rate'),
      },
      {
        name: 'common',
        overrideAction: { none: {} },
        statement: {
          managed_rule_group_statement: {
            vendor_name: 'AWS',
            name: 'AWSManagedRulesCommonRuleSet',
            rule_action_override: countedOnly.map((name) => ({ name, action_to_use: { count: {} } })),
          },
        },
        visibilityConfig: seen('common'),
      },
    ];
    const acl = new lazy.Wafv2WebAcl(this, 'acl', {
      name: prefix,
      description: 'the public balancer',
      scope: 'REGIONAL',
      defaultAction: { allow: {} },
      rule: rules.map((rule, priority) => ({ ...rule, priority })),
      visibilityConfig: seen('firewall'),
    });
    justify(acl, {
      CKV_AWS_192: noJava,
      CKV2_AWS_31: "with auditLogs the balancer's own log says what was refused; a second one is billed by GB",
    });
    new Wafv2WebAclAssociation(this, 'association', { resourceArn: props.balancerArn, webAclArn: acl.arn });
  }

  private allowed(prefix: string, cidrs: readonly string[]): string {
    return new Wafv2IpSet(this, 'allowed', {
      name: `${prefix}-allowed`,
      description: 'networks that may reach the public balancer',
      scope: 'REGIONAL',
      ipAddressVersion: 'IPV4',
      addresses: [...cidrs],
    }).arn;
  }
}
