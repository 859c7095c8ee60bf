"""What may be asked of a service over NATS, and how it answers: one module for each aggregate.

A command travels as `Request`, its tag in `body`; the subject names app, room and verb. The same `command_id` again returns the
first answer and changes nothing; with another body it is refused. What a command is answered by stands beside it.
"""

from .apps import *
from .bans import *
from .caller import *
from .history import *
from .messages import *
from .privacy import *
from .request import *
from .rooms import *
from .streams import *
from .tokens import *
