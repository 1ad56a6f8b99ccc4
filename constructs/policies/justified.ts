/**
 * Findings of a general scanner (checkov) that are meant so. The reason stands beside the resource and goes into the
 * synthesized JSON as a comment, which Terraform ignores; a test refuses findings without one and reasons without a finding.
 */
import type { TerraformResource } from 'cdktf';

/** @param reasons by id of the check, as in `CKV_AWS_150`; scanned with the checkov of test/requirements-checkov.txt */
export function justify(resource: TerraformResource, reasons: Readonly<Record<string, string>>): void {
  resource.addOverride('//.justified', reasons);
}

/** Of plain http behind a balancer: target groups and the internal listener. */
export const plainInside =
  'inside the VPC only, between security groups that name each other; callers prove themselves with signed tokens';

export const retentionIsASetting =
  'logRetentionDays says how long: logs of a year cost money, and may hold what people asked to be deleted';

export const auditLogsAreASetting = 'auditLogs is false in this environment: they are billed by GB';

export const noJava = 'Log4j is a library of Java, and nothing here is written in it';

export const firewallIsChosen =
  'aws.firewall is not set in this environment: a web ACL costs $5 a month and $1 a rule; callers have rate limits';
