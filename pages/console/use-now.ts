import { useEffect, useState } from "preact/hooks";

/** The time in seconds since the epoch, again after each period, for durations that grow. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now() / 1_000);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now() / 1_000), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
