from .catalogue import (
    class_names as class_names,
    counts as counts,
    find as find,
    get as get,
    listing as listing,
    load as load,
)
from .croissant import (
    write_croissant as write_croissant,
)
from .dataset import (
    DataError as DataError,
    Dataset as Dataset,
)
from .examples import (
    Examples as Examples,
)
from .pixel_cache import (
    Pixels as Pixels,
    pixels as pixels,
)
from .readers.archive import (
    read_archive as read_archive,
)
from .readers.medmnist import (
    read_medmnist as read_medmnist,
)
from .readers.pcam import (
    read_pcam as read_pcam,
)
from .readers.phantom import (
    PhantomConfig as PhantomConfig,
    phantom as phantom,
)
from .splits import (
    Split as Split,
    cross_validation_split as cross_validation_split,
    split as split,
)
