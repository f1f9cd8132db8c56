import { basicCredentials, testAccount, until } from "../account-fixtures.ts";
import { emrContract } from "./emr-contract.ts";

emrContract("the embedded account's EMR", async () => {
  const account = await testAccount();
  return {
    call: async (operation, input) => {
      const response = await fetch(account.endpoint, {
        method: "POST",
        headers: {
          ...basicCredentials(account),
          "x-amz-target": `ElasticMapReduce.${operation}`,
          "content-type": "application/x-amz-json-1.1",
        },
        body: JSON.stringify(input),
      });
      const answer = JSON.parse((await response.text()) || "{}");
      if (response.ok) return answer;
      throw Object.assign(new Error(answer.message), { name: answer.__type });
    },
    until: (read, done) => until(read, done, 100),
    stop: () => account.remove(),
  };
});
