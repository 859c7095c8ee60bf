"""NATS for services: subjects, endpoints and the verbs that they answer."""
