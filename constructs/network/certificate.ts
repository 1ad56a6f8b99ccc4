import { AcmCertificate } from '@cdktf/provider-aws/lib/acm-certificate/index.js';
import { AcmCertificateValidation } from '@cdktf/provider-aws/lib/acm-certificate-validation/index.js';
import { Route53Record } from '@cdktf/provider-aws/lib/route53-record/index.js';
import { Fn, TerraformOutput } from 'cdktf';
import { Construct } from 'constructs';
import { isReservedHost } from '../../environments/schema/reserved-host.ts';
import { emulatorAccounts } from '../tier/placeholder.ts';

export interface CertificateProps {
  readonly host: string;
  readonly accountId: string;
  /** Route 53 zone of the host. Absent: a person sets the record that the output names while the apply waits. */
  readonly hostedZoneId: string | undefined;
}

/** A certificate of the public host, valid before anything listens with it. */
export class Certificate extends Construct {
  readonly arn: string;

  constructor(scope: Construct, id: string, { host, hostedZoneId, accountId }: CertificateProps) {
    super(scope, id);
    const certificate = new AcmCertificate(this, 'certificate', {
      domainName: host,
      validationMethod: 'DNS',
      // In use by a listener until its successor is.
      lifecycle: {
        createBeforeDestroy: true,
        // A certificate for a host that is nobody's would be waited for in vain, for an hour.
        ...(isReservedHost(host) && {
          precondition: [
            {
              condition: Fn.contains([...emulatorAccounts], accountId),
              errorMessage: `The host ${host} belongs to nobody. Set aws.publicHost to one of yours.`,
            },
          ],
        }),
      },
    });
    const option = (field: string) => `\${one(${certificate.fqn}.domain_validation_options).${field}}`;
    if (hostedZoneId)
      new Route53Record(this, 'record', {
        zoneId: hostedZoneId,
        name: option('resource_record_name'),
        type: option('resource_record_type'),
        records: [option('resource_record_value')],
        ttl: 300,
        allowOverwrite: true,
      });
    else
      new TerraformOutput(this, 'record-to-set', {
        value: `${option('resource_record_name')} ${option('resource_record_type')} ${option('resource_record_value')}`,
        description: 'DNS record that proves the host is yours; the apply waits for it',
        staticId: true,
      });
    this.arn = new AcmCertificateValidation(this, 'validation', {
      certificateArn: certificate.arn,
      timeouts: { create: '60m' },
    }).certificateArn;
  }
}
