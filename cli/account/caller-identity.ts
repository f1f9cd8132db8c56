// Prints the account that the AWS SDK of a process with this environment works on. The CDK uses the same SDK and settings.
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

const { Account: account } = await new STSClient({ maxAttempts: 1 }).send(new GetCallerIdentityCommand({}));
process.stdout.write(`${account}\n`);
