/** How to start a class of Apache Kafka's or of the suite's. */
import type { JavaKafka } from "../install/java.ts";

/** Arguments of `java` up to the class. */
export function javaArguments({ jars, driverClasses }: JavaKafka): string[] {
  return [
    // Two cores, short lives: the simplest collector and compiler start fastest.
    ...["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m"],
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    ...["-cp", `${jars}/*:${driverClasses}`],
  ];
}
