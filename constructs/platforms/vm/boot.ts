/**
 * What an instance of a VM tier does when it starts, as cloud-init user data: install the container runtime, run the
 * tier's image as a systemd unit, and say when it is ready. A pure function from a tier to a script. The script must hold
 * no shell expansion in braces: Terraform would take it for its own.
 */
import { containerFlags } from '../../../environments/budget/container-flags.ts';
import { metricNamespace } from '../../../services/metrics.ts';
import { credentialsScript, credentialsSetting, credentialsUnit, networkUnit } from './run-credentials.ts';

export interface Boot {
  readonly region: string;
  readonly environment: string;
  readonly service: string;
  /** Image with its digest; may hold a Terraform reference. */
  readonly image: string;
  readonly port: number;
  readonly healthPath: string;
  readonly vcpu: number;
  readonly memoryMiB: number;
  readonly tmpMiB: number;
  readonly stopTimeoutMs: number;
  readonly logGroup: string;
  /** Plain settings, sorted. */
  readonly settings: readonly (readonly [name: string, value: string])[];
  /** Setting and ARN of its secret, sorted. */
  readonly secrets: readonly (readonly [name: string, arn: string])[];
  /** The same for the init step alone: the service's container never sees them. */
  readonly initSecrets: readonly (readonly [name: string, arn: string])[];
  /** Role whose credentials the service's container gets; undefined: it gets none. */
  readonly runRoleArn: string | undefined;
  /** Run before the service, as an init step, with the same image and limits. */
  readonly initCommand: readonly string[] | undefined;
  /** Name of the launch hook that waits for readiness. */
  readonly hook: string;
}

/** EC2 refuses more. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html */
export const userDataBytesMax = 16_384;

/** Time a new instance has until its service must be ready; the launch hook then gives it up. */
export const readyTimeoutSeconds = 600;

export function bootScript(boot: Boot): string {
  const units = [...(boot.runRoleArn ? ['bulkhead-network', 'bulkhead-credentials'] : []), 'bulkhead', 'bulkhead-live'];
  const script = `#!/bin/bash
# ${boot.service} of ${boot.environment}: one container, one budget.
set -euo pipefail
# It may fail beside what else runs at a first start; when the launch hook runs out, the instance is given up.
until dnf install -y docker amazon-ecr-credential-helper amazon-cloudwatch-agent; do sleep 5; done
mkdir -p /root/.docker /etc/bulkhead
echo '{ "credsStore": "ecr-login" }' > /root/.docker/config.json
${file('/etc/bulkhead/settings.env', boot.settings.map(([name, value]) => `${name}=${value}`).join('\n'))}
${file('/usr/local/bin/bulkhead-secrets', secretsScript(boot), '755')}
${file('/usr/local/bin/bulkhead-ready', readyScript(boot), '755')}
${file('/usr/local/bin/bulkhead-live', liveScript, '755')}
${boot.runRoleArn ? `${credentialFiles(boot.runRoleArn, boot.region)}\n` : ''}${file('/etc/systemd/system/bulkhead.service', unit(boot))}
${file('/etc/systemd/system/bulkhead-live.service', liveUnit)}
${file('/opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.json', agent(boot))}
systemctl daemon-reload
systemctl enable --now docker amazon-cloudwatch-agent
systemctl enable ${units.join(' ')}
# Not waited for: the unit tries again by itself, and only readiness counts.
systemctl start --no-block ${units.join(' ')}
/usr/local/bin/bulkhead-ready
`;
  // References are longer when resolved than when written; a quarter is kept for them.
  const bytes = Buffer.byteLength(script);
  if (bytes > userDataBytesMax * 0.75)
    throw new Error(
      `the boot script of '${boot.service}' has ${bytes} bytes; allowed are ${userDataBytesMax * 0.75}, so that it stays under EC2's ${userDataBytesMax} with references resolved: shorten its settings`,
    );
  return script;
}

function credentialFiles(roleArn: string, region: string): string {
  return [
    file('/usr/local/bin/bulkhead-credentials', credentialsScript, '755'),
    file('/etc/systemd/system/bulkhead-network.service', networkUnit),
    file('/etc/systemd/system/bulkhead-credentials.service', credentialsUnit(roleArn, region)),
  ].join('\n');
}

function unit(boot: Boot): string {
  const flags = containerFlags(boot).join(' ');
  const env = '--env-file=/etc/bulkhead/settings.env --env-file=/run/bulkhead/secrets.env';
  const init = boot.initCommand
    ? `ExecStartPre=/usr/bin/docker run --rm --name init ${flags} ${env} --env-file=/run/bulkhead/init.env ${logs(boot, 'init')} --entrypoint=${boot.initCommand[0]} ${boot.image} ${boot.initCommand.slice(1).join(' ')}\n`
    : '';
  const credentials = boot.runRoleArn ? ` --env=${credentialsSetting}` : '';
  return `[Unit]
Description=Bulkhead ${boot.service}
After=docker.service network-online.target${boot.runRoleArn ? ' bulkhead-credentials.service' : ''}
Wants=network-online.target${boot.runRoleArn ? ' bulkhead-credentials.service' : ''}
Requires=docker.service
StartLimitIntervalSec=0

[Service]
Restart=always
RestartSec=5
TimeoutStartSec=${readyTimeoutSeconds}
TimeoutStopSec=${Math.ceil(boot.stopTimeoutMs / 1000) + 10}
# Where the credentials of the image registry are named.
Environment=HOME=/root
RuntimeDirectory=bulkhead
RuntimeDirectoryMode=0700
ExecStartPre=-/usr/bin/docker rm --force tier init
ExecStartPre=/usr/local/bin/bulkhead-secrets
ExecStartPre=/usr/bin/docker pull --quiet ${boot.image}
${init}ExecStart=/usr/bin/docker run --name tier ${flags} --publish=${boot.port}:${boot.port} ${env}${credentials} ${logs(boot, 'tier')} ${boot.image}
ExecStop=/usr/bin/docker stop tier

[Install]
WantedBy=multi-user.target`;
}

/** Lines are shipped by the runtime itself; when CloudWatch is slow the service goes on and lines are dropped. */
function logs({ region, logGroup }: Boot, stream: string): string {
  return [
    '--log-driver=awslogs',
    `--log-opt=awslogs-region=${region}`,
    `--log-opt=awslogs-group=${logGroup}`,
    `--log-opt=tag=vm/${stream}/{{.ID}}`,
    '--log-opt=mode=non-blocking',
    '--log-opt=max-buffer-size=4m',
  ].join(' ');
}

/** Secrets go from Secrets Manager to a file in memory, read by root alone, and from there into the container. */
function secretsScript({ region, secrets, initSecrets }: Boot): string {
  const into = (name: string, lines: Boot['secrets']) =>
    [
      `: > /run/bulkhead/${name}`,
      ...lines.flatMap(([setting, arn]) => [
        `value=$(aws secretsmanager get-secret-value --region ${region} --secret-id '${arn}' --query SecretString --output text)`,
        `echo "${setting}=$value" >> /run/bulkhead/${name}`,
      ]),
    ].join('\n');
  return `#!/bin/bash
set -euo pipefail
umask 077
${into('secrets.env', secrets)}${initSecrets.length > 0 ? `\n${into('init.env', initSecrets)}` : ''}`;
}

/** Completes the launch hook when the service answers. Otherwise the hook runs out and the group gives the instance up. */
function readyScript({ region, port, healthPath, hook }: Boot): string {
  return `#!/bin/bash
set -euo pipefail
ready=0
for _ in $(seq ${readyTimeoutSeconds / 2}); do
  curl --silent --fail --max-time 2 --output /dev/null http://127.0.0.1:${port}${healthPath} && ready=1 && break
  sleep 2
done
[ $ready = 1 ]
token=$(curl --silent --fail -X PUT http://169.254.169.254/latest/api/token -H 'X-aws-ec2-metadata-token-ttl-seconds: 60')
instance=$(curl --silent --fail -H "X-aws-ec2-metadata-token: $token" http://169.254.169.254/latest/meta-data/instance-id)
group=$(aws autoscaling describe-auto-scaling-instances --region ${region} --instance-ids "$instance" --query 'AutoScalingInstances[0].AutoScalingGroupName' --output text)
aws autoscaling complete-lifecycle-action --region ${region} --lifecycle-hook-name ${hook} --auto-scaling-group-name "$group" --lifecycle-action-result CONTINUE --instance-id "$instance"`;
}

/**
 * Starts a service anew that hangs. The image's health check asks `/livez` and knows how long a start takes; Docker only
 * writes down what it says. Nothing else replaces: a service that is not ready keeps its instance.
 */
export const liveScript = `#!/bin/bash
set -uo pipefail
while sleep 10; do
  [ "$(docker inspect --format '{{.State.Health.Status}}' tier 2>/dev/null)" = unhealthy ] || continue
  echo 'the service does not answer /livez: starting it anew'
  systemctl restart bulkhead
done`;

const liveUnit = `[Unit]
Description=Watches over Bulkhead
After=docker.service

[Service]
Restart=always
ExecStart=/usr/local/bin/bulkhead-live

[Install]
WantedBy=multi-user.target`;

/** Memory is not among EC2's own metrics. No host dimension: alarms must not change with every instance. */
function agent({ environment, service }: Boot): string {
  return JSON.stringify(
    {
      agent: { omit_hostname: true, metrics_collection_interval: 60 },
      metrics: {
        namespace: metricNamespace,
        metrics_collected: {
          mem: { measurement: ['mem_used_percent'], append_dimensions: { Environment: environment, Tier: service } },
        },
      },
    },
    undefined,
    1,
  );
}

function file(path: string, content: string, mode = '600'): string {
  return `install -m ${mode} /dev/stdin ${path} <<'BULKHEAD'\n${content}\nBULKHEAD`;
}
