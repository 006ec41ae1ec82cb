"""One job on ours, Kafka Streams, Quix Streams and Faust, side by side: see the README."""
