/**
 * What a container on an instance may do in AWS, apart from what the instance may: metadata stays out of the container's
 * reach, and the instance hands it temporary credentials of the tier's run role where ECS does for a task, so that the
 * same SDKs find them. The texts hold no shell expansion in braces: Terraform would take it for its own.
 */

/** Fixed in the SDKs: to any other address but a loopback they speak no plain HTTP. */
const address = '169.254.170.2';
const path = '/credentials';

/** How the SDKs of a container find them. */
export const credentialsSetting = `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=${path}`;

/**
 * The address, and what a container of the default bridge may ask of the machine: that one port, and answers to what the
 * machine itself asked (the readiness probe goes through the runtime's proxy).
 */
export const networkUnit = `[Unit]
Description=Address of Bulkhead's credentials
Before=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/ip address replace ${address}/32 dev lo
ExecStart=/usr/sbin/iptables -w -A INPUT -i docker0 -d ${address} -p tcp --dport 80 -j ACCEPT
ExecStart=/usr/sbin/iptables -w -A INPUT -i docker0 -m conntrack --ctstate NEW -j DROP

[Install]
WantedBy=multi-user.target`;

/** Started once it has credentials: the first request of a container finds them. */
export function credentialsUnit(roleArn: string, region: string): string {
  return `[Unit]
Description=Credentials of Bulkhead's run role
Requires=bulkhead-network.service
After=bulkhead-network.service network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Restart=always
RestartSec=5
# A container talks to it: it is nobody, and may open this one port.
DynamicUser=yes
AmbientCapabilities=CAP_NET_BIND_SERVICE
# A process of its own for the AWS CLI, and a bound on the threads that a container can make it start.
TasksMax=32
ExecStart=/usr/bin/python3 /usr/local/bin/bulkhead-credentials ${roleArn} ${region} ${address} 80
ExecStartPost=/usr/bin/curl --silent --fail --output /dev/null --retry 30 --retry-delay 2 --retry-connrefused http://${address}${path}

[Install]
WantedBy=multi-user.target`;
}

/**
 * Answers from memory alone: SDKs give up after one second, and the AWS CLI may need longer. Python 3.9 is what Amazon
 * Linux 2023 brings.
 */
export const credentialsScript = `import json, socket, subprocess, sys, threading, time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

role, region, address, port = sys.argv[1:]
# SDKs ask again when 5 minutes are left; what they get then must last.
lead_seconds = 900
retry_seconds = 5
kept = None

def left(found):
    return (found[0] - datetime.now(timezone.utc)).total_seconds()

def assume():
    # One hour is the most for a role taken by a role.
    command = ["aws", "sts", "assume-role", "--region", region, "--role-arn", role, "--duration-seconds", "3600",
               "--role-session-name", socket.gethostname()[:64], "--output", "json"]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=60).stdout)["Credentials"]
    ends = datetime.fromisoformat(found["Expiration"].replace("Z", "+00:00")).astimezone(timezone.utc)
    return ends, json.dumps({
        "AccessKeyId": found["AccessKeyId"], "SecretAccessKey": found["SecretAccessKey"],
        "Token": found["SessionToken"], "Expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ"), "RoleArn": role}).encode()

def refresh():
    global kept
    while True:
        try:
            kept = assume()
            time.sleep(max(retry_seconds, left(kept) - lead_seconds))
        except Exception as error:
            # Those it has are handed out until they end.
            print("no new credentials, trying again:", error, file=sys.stderr, flush=True)
            time.sleep(retry_seconds)

class Answer(BaseHTTPRequestHandler):
    timeout = 5
    def do_GET(self):
        found = kept
        if self.path != "${path}":
            return self.send_error(404)
        if not found or left(found) <= 0:
            return self.send_error(503)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(found[1])))
        self.end_headers()
        self.wfile.write(found[1])
    def log_message(self, *_):
        pass

server = ThreadingHTTPServer((address, int(port)), Answer)
threading.Thread(target=refresh, daemon=True).start()
server.serve_forever()`;
