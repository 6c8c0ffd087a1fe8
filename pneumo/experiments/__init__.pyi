from . import (
    cluster as cluster,
    pipeline as pipeline,
    planning as planning,
    provenance as provenance,
    records as records,
    runner as runner,
)
from .acquisition import (
    VARIANTS as VARIANTS,
    acquisition_continued as acquisition_continued,
    acquisition_evidence as acquisition_evidence,
    acquisition_external as acquisition_external,
    acquisition_larger as acquisition_larger,
    acquisition_recipe as acquisition_recipe,
    acquisition_saliency as acquisition_saliency,
    acquisition_transferred as acquisition_transferred,
    acquisition_variants as acquisition_variants,
    independent_model as independent_model,
    independent_networks as independent_networks,
    occluded_recipes as occluded_recipes,
    occluded_variants as occluded_variants,
)
from .augmentation import (
    AUGMENTATIONS as AUGMENTATIONS,
    augmentation as augmentation,
)
from .study import (
    CHAPTERS as CHAPTERS,
    GROUPS as GROUPS,
    ON_REQUEST as ON_REQUEST,
    all_experiments as all_experiments,
    find_experiment as find_experiment,
    find_experiments as find_experiments,
    selection_candidates as selection_candidates,
)
from .classical import (
    FEATURES as FEATURES,
    LEARNERS as LEARNERS,
    classical as classical,
    feature_sizes as feature_sizes,
)
from .cnn_architecture import (
    batch_size as batch_size,
    detail as detail,
    image_size as image_size,
    network_parts as network_parts,
)
from .config import (
    Augmentation as Augmentation,
    CNNConfig as CNNConfig,
    ClassicalConfig as ClassicalConfig,
    DataConfig as DataConfig,
    Experiment as Experiment,
    HeaderConfig as HeaderConfig,
    ModelConfig as ModelConfig,
    OptimizerConfig as OptimizerConfig,
    PretrainedConfig as PretrainedConfig,
    ReevaluationConfig as ReevaluationConfig,
    TrainingConfig as TrainingConfig,
    TransformerConfig as TransformerConfig,
)
from .data_and_shortcuts import (
    headers as headers,
    spectra as spectra,
)
from .builders import (
    SEEDS as SEEDS,
    data_config as data_config,
    reduced_training_data as reduced_training_data,
    repeated as repeated,
    study_data as study_data,
)
from .lookup import (
    find_record as find_record,
    find_record_file as find_record_file,
    own_experiments as own_experiments,
    recorded_experiments as recorded_experiments,
)
from .own_data import (
    RECIPES as RECIPES,
    define_experiment as define_experiment,
)
from .first_network import (
    first_network as first_network,
)
from .interpretation import (
    OCCLUSIONS as OCCLUSIONS,
    PERTURBATIONS as PERTURBATIONS,
    occluded as occluded,
    occlusions as occlusions,
    perturbations as perturbations,
    perturbed as perturbed,
)
from .model_selection import (
    recipe_steps as recipe_steps,
    selected_model as selected_model,
    test_time_augmentation as test_time_augmentation,
)
from .optimizers import (
    BEST_RATES as BEST_RATES,
    RATES as RATES,
    learning_rates as learning_rates,
    optimizers as optimizers,
    schedules as schedules,
)
from .planning import (
    Plan as Plan,
    plan as plan,
    status as status,
)
from .records import (
    Record as Record,
)
from .regularisation import (
    regularisation as regularisation,
)
from .runner import (
    run as run,
    run_all as run_all,
)
from .scaling import (
    scaling as scaling,
)
from .spatial_transformer import (
    DISPLACED as DISPLACED,
    spatial_transformer as spatial_transformer,
)
from .transfer_learning import (
    transfer_learning as transfer_learning,
    transfer_tenth as transfer_tenth,
)
from .tumours import (
    patchcamelyon as patchcamelyon,
    tumour_folds as tumour_folds,
    tumours as tumours,
)
